/** Announced ports that are another than the server's own, where the pod shows what its own are. */
import { argument } from './arguments.ts';
import type { Container } from './shapes.ts';
import type { Written } from './written.ts';

const ANNOUNCED_PORTS = ['cluster-announce-port', 'cluster-announce-tls-port'] as const;
const DEFAULT_PORT = '6379';
const BUS_OFFSET = 10_000;

/**
 * The setting that announces such a port. Nothing is judged where one of the server's own ports may be hidden: in a
 * configuration file, in a variable. An announced port that nothing here shows to be its own then counts as another.
 */
export function announcedPort(container: Container, here: Written): string | undefined {
  const number = (text: string) => {
    const meant = here.mean(text);
    // Nothing, like 0, is the default: no port.
    return meant.kind === 'text' && /^\d*$/.test(meant.text) ? Number(meant.text) : Number.NaN;
  };
  const declared = (container.ports ?? []).flatMap(({ containerPort }) => containerPort ?? []);
  const own = [...ownPorts(here).map(number), ...declared];
  if (readsConfiguration(here.words) || own.some(Number.isNaN)) return undefined;

  const portOf = (name: `cluster-${string}`) => number(here.setting(name) ?? '0');
  const other = ANNOUNCED_PORTS.find((name) => portOf(name) !== 0 && !own.includes(portOf(name)));
  if (other) return other;
  // Of the bus only a number is judged: `1$PORT` is a common way to write what is the default.
  const bus = portOf('cluster-announce-bus-port');
  const ownBus = [portOf('cluster-port'), ...declared, ...own.map((port) => port + BUS_OFFSET)];
  return bus > 0 && !ownBus.some((port) => port === bus || Number.isNaN(port))
    ? 'cluster-announce-bus-port'
    : undefined;
}

/** All that may be the server's ports, more rather than fewer. */
function ownPorts({ words, reference }: Written): string[] {
  // `port` without dashes is a word of configuration only where a script writes a configuration.
  const writesConfiguration = words.some((word) => word.startsWith('cluster-'));
  const found = ['port', 'tls-port'].flatMap((name) => [
    argument(words, `--${name}`),
    writesConfiguration ? argument(words, name) : undefined,
    reference(name),
    // bitnami's own names of them.
    reference(`${name}-number`),
  ]);
  return [argument(words, '--port') === undefined ? DEFAULT_PORT : undefined, ...found].filter(
    (port) => port !== undefined,
  );
}

/** Whether the server is given a configuration that is not all in the arguments: a file, stdin, a variable. */
function readsConfiguration(words: readonly string[]): boolean {
  return words.some((word, at) => {
    if (/\.conf\b/.test(word)) return !/^(?:--)?cluster-config-file$/.test(words[at - 1] ?? '');
    // The words that a script hands on with "$@" are here, too.
    return /(?:^|\/)(?:redis|valkey)-server$/.test(word) && !/^(?:--|\$@|$)/.test(words[at + 1] ?? '');
  });
}
