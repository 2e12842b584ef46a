/** The CA's Secret and the caBundle of our webhook, by intent. Calls reject with a Failure. */
import {
  AdmissionregistrationV1Api,
  CoreV1Api,
  type KubernetesObject,
  PatchStrategy,
  setHeaderOptions,
  type V1ManagedFieldsEntry,
} from '@kubernetes/client-node';
import { authorityEvent } from '../certificates/event.ts';
import type { CertificateApi } from '../certificates/port.ts';
import { CA_SECRET, ROTATE_ANNOTATION, WEBHOOK, WEBHOOK_CONFIGURATION } from '../names.ts';
import { apiFailure, attempt, isConflict, isNotFound, isUnprocessable } from './api-failure.ts';
import type { PooledKubeConfig } from './client.ts';
import { type InformerOptions, startInformer } from './lasting-informer.ts';

const JSON_PATCH = setHeaderOptions('Content-Type', PatchStrategy.JsonPatch);

export type CertificateApiOptions = {
  config: PooledKubeConfig;
  /** The webhook's own. */
  namespace: string;
  onWatchError(error: unknown): void;
};

export function createCertificateApi(options: CertificateApiOptions): CertificateApi {
  const { config, namespace, onWatchError } = options;
  const core = config.makeApiClient(CoreV1Api);
  const admission = config.makeApiClient(AdmissionregistrationV1Api);
  const secret = { name: CA_SECRET, namespace };

  return {
    readSecret: () =>
      attempt(`read the Secret ${namespace}/${CA_SECRET}`, async () => {
        try {
          const { data, headers } = await core.readNamespacedSecretWithHttpInfo(secret);
          return {
            kind: 'present',
            atMs: dateMs(headers),
            version: data.metadata?.resourceVersion ?? '',
            data: mapValues(data.data ?? {}, (value) => Buffer.from(value, 'base64').toString('utf8')),
            rotationAsked: data.metadata?.annotations?.[ROTATE_ANNOTATION] !== undefined,
          };
        } catch (error) {
          if (isNotFound(error)) return { kind: 'absent', atMs: dateMs(error.headers) };
          throw error;
        }
      }),

    readConfiguration: () =>
      attempt(`read the webhook configuration ${WEBHOOK_CONFIGURATION}`, async () => {
        try {
          const name = WEBHOOK_CONFIGURATION;
          const { data, headers } = await admission.readMutatingWebhookConfigurationWithHttpInfo({ name });
          const { metadata, webhooks = [] } = data;
          const index = webhooks.findIndex((webhook) => webhook.name === WEBHOOK);
          const webhook = webhooks[index];
          if (!webhook) return { kind: 'absent' };
          const caBundle = Buffer.from(webhook.clientConfig.caBundle ?? '', 'base64').toString('utf8');
          const version = metadata?.resourceVersion ?? '';
          const unchangedForMs = sinceChangeMs(metadata?.managedFields ?? [], dateMs(headers));
          return { kind: 'webhook', version, index, caBundle, unchangedForMs };
        } catch (error) {
          if (isNotFound(error)) return { kind: 'absent' };
          throw error;
        }
      }),

    writeSecret: (data, seen) =>
      attempt(`write the Secret ${namespace}/${CA_SECRET}`, () =>
        unlessOvertaken(async () => {
          const encoded = mapValues(data, (value) => Buffer.from(value, 'utf8').toString('base64'));
          if (seen.kind === 'absent') {
            // POST, not an apply: a second replica is to hear that it is the second.
            const body = { metadata: secret, type: 'Opaque', data: encoded };
            await core.createNamespacedSecret({ namespace, body });
            return;
          }
          const annotation = `/metadata/annotations/${ROTATE_ANNOTATION.replace('/', '~1')}`;
          const body = [
            ...unchanged(seen.version),
            { op: 'add', path: '/data', value: encoded },
            ...(seen.rotationAsked ? [{ op: 'remove', path: annotation }] : []),
          ];
          await core.patchNamespacedSecret({ ...secret, body }, JSON_PATCH);
        }),
      ),

    writeCaBundle: (pem, { version, index }) =>
      attempt(`write the caBundle of ${WEBHOOK_CONFIGURATION}`, () =>
        unlessOvertaken(async () => {
          const webhook = `/webhooks/${index}`;
          const caBundle = Buffer.from(pem, 'utf8').toString('base64');
          // A JSON patch knows no names: the index is that of the version that is asked for, and the name is
          // asked for too.
          const body = [
            ...unchanged(version),
            { op: 'test', path: `${webhook}/name`, value: WEBHOOK },
            { op: 'add', path: `${webhook}/clientConfig/caBundle`, value: caBundle },
          ];
          await admission.patchMutatingWebhookConfiguration(
            { name: WEBHOOK_CONFIGURATION, body },
            JSON_PATCH,
          );
        }),
      ),

    tell: (occasion, certificate, now) =>
      attempt('create an Event', async () => {
        const body = authorityEvent(occasion, certificate, namespace, now);
        await core.createNamespacedEvent({ namespace, body });
      }),

    follow(onChange) {
      const bySecret = `metadata.name=${CA_SECRET}`;
      const byConfiguration = `metadata.name=${WEBHOOK_CONFIGURATION}`;
      const all = [
        follow(`/api/v1/namespaces/${namespace}/secrets`, bySecret, () =>
          core.listNamespacedSecret({ namespace, fieldSelector: bySecret }),
        ),
        follow('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', byConfiguration, () =>
          admission.listMutatingWebhookConfiguration({ fieldSelector: byConfiguration }),
        ),
      ];
      return { stop: async () => void (await Promise.all(all.map((informer) => informer.stop()))) };

      /** It only says that something happened: each pass reads for itself. */
      function follow<T extends KubernetesObject>(
        path: string,
        fieldSelector: string,
        list: InformerOptions<T>['list'],
      ) {
        return startInformer<T>({
          config,
          path,
          fieldSelector,
          list,
          onChange,
          onError: (error) => onWatchError(apiFailure(error, `follow ${path}`)),
          now: Date.now,
          random: Math.random,
        });
      }
    },
  };
}

const unchanged = (version: string) => [{ op: 'test', path: '/metadata/resourceVersion', value: version }];

/** False if another write came first: 409 at a creation, 422 where a test of the patch failed, 404 where it is gone. */
async function unlessOvertaken(write: () => Promise<void>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (isConflict(error) || isUnprocessable(error) || isNotFound(error)) return false;
    throw error;
  }
}

/** When the server answered, by its clock: whole seconds, rounded down. Our own clock where a proxy took the header. */
function dateMs(headers: Record<string, string>): number {
  return Date.parse(headers.date ?? '') || Date.now();
}

/**
 * Since the last write of our caBundle, as the API server notes it for each writer of a field. Both times are whole
 * seconds, rounded down.
 */
function sinceChangeMs(writers: readonly V1ManagedFieldsEntry[], nowMs: number): number {
  const times = writers.flatMap(({ fieldsV1, time }) => {
    const ours = (fieldsV1 as WebhookFields | undefined)?.['f:webhooks']?.[`k:{"name":"${WEBHOOK}"}`];
    return ours?.['f:clientConfig']?.['f:caBundle'] && time ? [new Date(time).getTime()] : [];
  });
  return times.length === 0 ? 0 : Math.max(0, nowMs - Math.max(...times) - 1_000);
}

/** The path to a caBundle in a writer's fields. */
type WebhookFields = {
  'f:webhooks'?: Record<string, { 'f:clientConfig'?: { 'f:caBundle'?: object } } | undefined>;
};

function mapValues(values: Record<string, string>, map: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}
