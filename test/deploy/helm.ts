/** The chart, through the helm that the tests build. */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CHART } from '../../deploy/generate.ts';
import { PROJECT } from '../../src/names.ts';
import { binaries } from '../cluster/kubernetes/build.ts';
import { run } from '../cluster/kubernetes/command.ts';
import { type Manifest, objectsOf } from './objects.ts';

/** Name -> path of the values files, `defaults` without one. */
export const valuesFiles: Record<string, string | undefined> = {
  defaults: undefined,
  ...Object.fromEntries(
    globSync(join(import.meta.dirname, 'values/*.yaml')).map((path) => [basename(path, '.yaml'), path]),
  ),
};

/** Runs helm without a cluster; returns its stdout, throws CommandFailed for a status other than 0. */
export async function helm(...args: string[]): Promise<string> {
  return run([join(await binaries('helm'), 'helm'), ...args]);
}

/** Runs helm on a cluster; what it keeps on the machine goes with the cluster's directory. */
export function helmOn(
  cluster: { kubeconfig: string; directory: string },
  ...args: string[]
): Promise<string> {
  const homes = ['HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME'];
  const env = Object.fromEntries(homes.map((home) => [home, join(cluster.directory, 'helm')]));
  return binaries('helm').then((directory) =>
    run([join(directory, 'helm'), '--kubeconfig', cluster.kubeconfig, ...args], { env }),
  );
}

/** The text of the chart's manifests, helm's test included, with more arguments for `helm template`. */
export function template(...args: string[]): Promise<string> {
  return helm('template', PROJECT, CHART, '--namespace', PROJECT, ...args);
}

/** The manifests with one of the values files. */
export async function render(values: string): Promise<Manifest[]> {
  const file = valuesFiles[values];
  return objectsOf(await template(...(file ? ['--values', file] : [])));
}
