/** The servers of other Debian releases, as images. */
import { serverImage } from '../images/stand-ins.ts';
import { type ServerVersion, serverRoot } from './debian-servers.ts';

/** Name under which a pod asks for the image of a version. */
export function serverTag(version: ServerVersion): string {
  return `localhost/${version}:test`;
}

/**
 * The image of a version, made from its directory the first time: server, client and a shell, data in /data; its
 * entrypoint is the server.
 *
 * @returns the path of its docker-archive
 */
export async function serverArchive(version: ServerVersion): Promise<string> {
  return serverImage(serverTag(version), await serverRoot(version));
}
