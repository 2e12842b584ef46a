/**
 * The parts of Kubernetes objects that the stand-ins read and write. client-node's own types do not fit here:
 * they hold parsed Dates, while this is the JSON that travels.
 */

export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

export type ObjectMeta = {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
};

/** Any object of the API: what is common to all, the rest unknown. */
export type KubernetesObject = {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
};

export type EnvVar = {
  name: string;
  value?: string;
  valueFrom?: { fieldRef?: { fieldPath: string } };
};

export type VolumeMount = {
  name: string;
  mountPath: string;
  subPath?: string;
  subPathExpr?: string;
  readOnly?: boolean;
};

export type Container = {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  env?: EnvVar[];
  ports?: { containerPort: number }[];
  readinessProbe?: { exec: { command: string[] } };
  volumeMounts?: VolumeMount[];
  terminationMessagePolicy?: 'File' | 'FallbackToLogsOnError';
};

export type KeyToPath = { key: string; path: string };
export type DownwardItem = { path: string; fieldRef: { fieldPath: string } };
export type ConfigMapSource = { name: string; optional?: boolean; items?: KeyToPath[] };

export type Projection = {
  serviceAccountToken?: { path: string; expirationSeconds?: number };
  configMap?: ConfigMapSource;
  downwardAPI?: { items: DownwardItem[] };
};

export type Volume = {
  name: string;
  emptyDir?: object;
  configMap?: ConfigMapSource;
  projected?: { sources: Projection[] };
  downwardAPI?: { items: DownwardItem[] };
  persistentVolumeClaim?: { claimName: string };
};

export type PodSpec = {
  nodeName?: string;
  serviceAccountName?: string;
  serviceAccount?: string;
  automountServiceAccountToken?: boolean;
  terminationGracePeriodSeconds?: number;
  restartPolicy?: string;
  volumes?: Volume[];
  initContainers?: Container[];
  containers: Container[];
};

export type ContainerState = {
  waiting?: { reason: string; message?: string };
  running?: { startedAt: string };
  terminated?: { exitCode: number; reason: string; message?: string; startedAt: string; finishedAt: string };
};

export type ContainerStatus = {
  name: string;
  image: string;
  imageID: string;
  ready: boolean;
  started: boolean;
  restartCount: number;
  state: ContainerState;
  lastState: ContainerState;
};

export type Condition = { type: string; status: 'True' | 'False'; lastTransitionTime?: string };

export type PodStatus = {
  phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  hostIP?: string;
  podIP?: string;
  podIPs?: { ip: string }[];
  startTime?: string;
  conditions?: Condition[];
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
};

export type Pod = KubernetesObject & { spec: PodSpec; status?: PodStatus };

export type StatefulSet = KubernetesObject & {
  spec: {
    replicas?: number;
    podManagementPolicy?: 'OrderedReady' | 'Parallel';
    selector: { matchLabels?: Record<string, string> };
    template: {
      metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
      spec: PodSpec;
    };
    volumeClaimTemplates?: { metadata: { name: string } }[];
  };
};

export type ConfigMap = KubernetesObject & { data?: Record<string, string> };

export type ServiceAccount = KubernetesObject & { automountServiceAccountToken?: boolean };
