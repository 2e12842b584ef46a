/**
 * Every name that users, the API server or the two programs must agree on, in one place.
 * A user's cluster keeps these between versions of ours: changing one is a breaking change.
 */

/** The project, the npm package and the webhook's own namespace. */
export const PROJECT = 'redis-ip-updater';

/** Label of a namespace that opted in; its value is `enabled`. */
export const NAMESPACE_LABEL = 'redis-ip-updater.io/injection';
export const NAMESPACE_LABEL_VALUE = 'enabled';

/** Label of a StatefulSet, or of its pod template: `"true"` injects, `"false"` on the pod wins. */
export const INJECT_LABEL = 'redis-ip-updater.io/inject';

/** Written on every injected pod. */
export const INJECTED_LABEL = 'redis-ip-updater.io/injected';
export const STATUS_ANNOTATION = 'redis-ip-updater.io/status';

/** Settings, on the pod template or the StatefulSet; the pod's win. */
export const annotations = {
  container: 'redis-ip-updater.io/container',
  nodesConf: 'redis-ip-updater.io/nodes-conf',
  order: 'redis-ip-updater.io/order',
  onFailure: 'redis-ip-updater.io/on-failure',
  onLostVolume: 'redis-ip-updater.io/on-lost-volume',
  outsideNodes: 'redis-ip-updater.io/outside-nodes',
  serviceAccount: 'redis-ip-updater.io/service-account',
} as const;

/** What is injected. */
export const INIT_CONTAINER = 'redis-ip-updater';
export const NODES_VOLUME = 'redis-ip-updater-nodes';
export const NODES_MOUNT_PATH = '/nodes';
export const TOKEN_VOLUME = 'redis-ip-updater-token';
/** Where in-cluster clients look for their token, ca.crt and namespace. */
export const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The ConfigMap of a namespace: one key per pod name, its value the node id. */
export const NODES_CONFIG_MAP = 'redis-ip-updater-nodes';
/** Optional key of that ConfigMap: lines `<id> <pod-name>`, read but never written by us. */
export const NODES_TXT_KEY = 'nodes.txt';

/** ServiceAccount, Role and RoleBinding of a namespace. */
export const SERVICE_ACCOUNT = 'redis-ip-updater';

/** The MutatingWebhookConfiguration; its Deployment and Service. */
export const WEBHOOK_CONFIGURATION = 'redis-ip-updater';
export const WEBHOOK_SERVICE = 'redis-ip-updater-webhook';
/** The webhook in that configuration. */
export const WEBHOOK = 'inject.redis-ip-updater.io';

/** The Secret of the webhook's namespace that holds its CA; with this annotation it is asked for a new one. */
export const CA_SECRET = 'redis-ip-updater-webhook-ca';
export const ROTATE_ANNOTATION = 'redis-ip-updater.io/rotate';

/**
 * Environment of the init container: written by the webhook, read by the updater.
 * The paths are always given, so that whoever runs the container need not know our defaults.
 */
export const updaterEnv = {
  podName: 'POD_NAME',
  podNamespace: 'POD_NAMESPACE',
  podIp: 'POD_IP',
  podIps: 'POD_IPS',
  /** Absolute path of nodes.conf. */
  nodesConf: 'NODES_CONF',
  /** Mount path of the volume that holds nodes.conf. */
  nodesConfVolume: 'NODES_CONF_VOLUME',
  /** Directory of the mounted ConfigMap. */
  nodesMap: 'NODES_MAP',
  /** Directory of the token and of the API server's CA. */
  serviceAccountDir: 'SERVICE_ACCOUNT_DIR',
  /** Only set when the annotation of the same name departs from its default. */
  onFailure: 'ON_FAILURE',
  onLostVolume: 'ON_LOST_VOLUME',
  outsideNodes: 'OUTSIDE_NODES',
  /** Seconds until an unreachable API is given up; not injected, for those who run the updater by hand. */
  deadlineSeconds: 'DEADLINE_SECONDS',
} as const;
