/** The real webhook, as a process of its own, and its registration with the API. */
import { spawn } from 'node:child_process';
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { issueDevelopmentCertificates } from '../../certs/dev-certs.ts';
import { NAMESPACE_LABEL, NAMESPACE_LABEL_VALUE, WEBHOOK_CONFIGURATION } from '../../src/names.ts';
import type { KubernetesApi } from '../support/kubernetes-api/server.ts';
import { endWithUs } from '../support/leave-nothing.ts';
import { UPDATER_IMAGE } from './manifests.ts';

export type WebhookProcess = {
  /** The MutatingWebhookConfiguration that leads to it. */
  configuration: object;
  stop(): Promise<void>;
};

/** Starts `dist/webhook.js` and waits until it listens. `onExit` hears if it ends by itself. */
export async function startWebhook(
  api: KubernetesApi,
  directory: string,
  onExit: (error: Error) => void,
): Promise<WebhookProcess> {
  const certificates = join(directory, 'tls');
  const { ca } = await issueDevelopmentCertificates({ directory: certificates, hosts: ['127.0.0.1'] });
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig(), { mode: 0o600 });
  const env = {
    PATH: process.env.PATH,
    UPDATER_IMAGE,
    CERT_DIR: certificates,
    PORT: '0',
    MANAGEMENT_PORT: '0',
    // There is no Service in front of it that would have to notice.
    DRAIN_SECONDS: '0',
    KUBECONFIG: kubeconfig,
  };
  const child = endWithUs(
    spawn(process.execPath, ['dist/webhook.js'], { env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const log = createWriteStream(join(directory, 'log'));
  child.stderr.pipe(log);
  child.stdout.pipe(log);
  let stopping = false;
  const exited = new Promise<void>((resolve) =>
    child.once('exit', (code) => {
      if (!stopping) onExit(new Error(`the webhook ended with ${code}: see ${join(directory, 'log')}`));
      resolve();
    }),
  );
  const port = await portOf(child.stdout);
  return {
    configuration: configurationFor(`https://127.0.0.1:${port}/mutate`, ca),
    stop: async () => {
      stopping = true;
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function portOf(log: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface(log)) {
    const { msg, port } = JSON.parse(line) as { msg?: string; port?: number };
    if (msg === 'listening' && port) return port;
  }
  throw new Error('the webhook never said where it listens');
}

function configurationFor(url: string, ca: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: WEBHOOK_CONFIGURATION },
    webhooks: [
      {
        name: 'inject.redis-ip-updater.io',
        clientConfig: { url, caBundle: Buffer.from(ca).toString('base64') },
        rules: [
          {
            operations: ['CREATE'],
            apiGroups: [''],
            apiVersions: ['v1'],
            resources: ['pods'],
            scope: 'Namespaced',
          },
        ],
        namespaceSelector: { matchLabels: { [NAMESPACE_LABEL]: NAMESPACE_LABEL_VALUE } },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        matchPolicy: 'Equivalent',
        failurePolicy: 'Fail',
        reinvocationPolicy: 'IfNeeded',
        timeoutSeconds: 5,
      },
    ],
  };
}
