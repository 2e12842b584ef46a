/**
 * Makes the manifests for `kubectl apply` out of the chart, which is the one source:
 *
 *     npm run generate
 *
 * with the helm that the tests use (built from its Go module, once per machine).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../src/names.ts';
import { binaries } from '../test/cluster/kubernetes/build.ts';
import { run } from '../test/cluster/kubernetes/command.ts';

const ROOT = join(import.meta.dirname, '..');
export const CHART = join(ROOT, 'deploy/chart');

/** File, relative to the repository -> the values in which it departs from the chart's defaults. */
export const manifests: Record<string, string[]> = {
  'deploy/install.yaml': [],
  'certs/cert-manager/install.yaml': ['certificates.mode=certManager'],
};

/** What `kubectl apply` needs beside the chart's objects: helm makes the namespace by itself. */
const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata:
  name: ${PROJECT}
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;

/** The text of one of the manifests, as the chart is now. */
export async function generate(file: string): Promise<string> {
  const settings = (manifests[file] ?? []).flatMap((setting) => ['--set', setting]);
  const helm = join(await binaries('helm'), 'helm');
  const template = [helm, 'template', PROJECT, CHART, '--namespace', PROJECT, '--skip-tests'];
  const objects = await run([...template, ...settings]);
  const head = ['Generated from deploy/chart by `npm run generate`: change the chart instead.']
    .concat(settings.length > 0 ? [`Values: ${settings.filter((part) => part !== '--set').join(', ')}`] : [])
    .map((line) => `# ${line}\n`)
    .join('');
  return `${head}${NAMESPACE}${objects}`;
}

if (import.meta.main) {
  for (const file of Object.keys(manifests)) {
    writeFileSync(join(ROOT, file), await generate(file));
    process.stdout.write(`${file}\n`);
  }
}
