/**
 * The parts of an AdmissionReview and of a pod that we read; everything else is left alone. A value of another
 * type makes the review unreadable, null counts as absent, and no check recurses over the object.
 */
import Type, { type Static, type TSchema } from 'typebox';

const maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

const Texts = Type.Array(Type.String());
const TextMap = Type.Record(Type.String(), Type.String());
/** The API server writes quantities as strings; a hand-written object may hold numbers. */
const Quantities = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]));

const EnvVar = Type.Object({
  name: Type.String(),
  value: maybe(Type.String()),
  valueFrom: maybe(Type.Object({ fieldRef: maybe(Type.Object({ fieldPath: maybe(Type.String()) })) })),
});

const VolumeMount = Type.Object({
  name: Type.String(),
  mountPath: Type.String(),
  subPath: maybe(Type.String()),
  subPathExpr: maybe(Type.String()),
  mountPropagation: maybe(Type.String()),
});

const Resources = Type.Object({
  requests: maybe(Quantities),
  limits: maybe(Quantities),
});

const SecurityContext = Type.Object({
  runAsUser: maybe(Type.Integer()),
  runAsGroup: maybe(Type.Integer()),
  runAsNonRoot: maybe(Type.Boolean()),
  seLinuxOptions: maybe(Type.Object({})),
});

const Container = Type.Object({
  name: Type.String(),
  image: maybe(Type.String()),
  command: maybe(Texts),
  args: maybe(Texts),
  workingDir: maybe(Type.String()),
  env: maybe(Type.Array(EnvVar)),
  ports: maybe(Type.Array(Type.Object({ containerPort: maybe(Type.Integer()) }))),
  volumeMounts: maybe(Type.Array(VolumeMount)),
  resources: maybe(Resources),
  securityContext: maybe(SecurityContext),
});

const Source = maybe(Type.Object({}));
const Volume = Type.Object({
  name: Type.String(),
  emptyDir: Source,
  csi: Source,
  ephemeral: Source,
  configMap: Source,
  secret: Source,
  projected: Source,
  downwardAPI: Source,
  gitRepo: Source,
  image: Source,
});

const OwnerReference = Type.Object({
  apiVersion: Type.String(),
  kind: Type.String(),
  name: Type.String(),
  uid: Type.String(),
  controller: maybe(Type.Boolean()),
});

const Pod = Type.Object({
  metadata: Type.Object({
    name: maybe(Type.String()),
    labels: maybe(TextMap),
    annotations: maybe(TextMap),
    ownerReferences: maybe(Type.Array(OwnerReference)),
  }),
  spec: Type.Object({
    containers: maybe(Type.Array(Container)),
    initContainers: maybe(Type.Array(Type.Object({ name: Type.String() }))),
    volumes: maybe(Type.Array(Volume)),
    imagePullSecrets: maybe(Type.Array(Type.Object({ name: maybe(Type.String()) }))),
    serviceAccountName: maybe(Type.String()),
    serviceAccount: maybe(Type.String()),
    os: maybe(Type.Object({ name: maybe(Type.String()) })),
    hostNetwork: maybe(Type.Boolean()),
    securityContext: maybe(
      Type.Intersect([SecurityContext, Type.Object({ fsGroup: maybe(Type.Integer()) })]),
    ),
  }),
});

/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request */
export const AdmissionReview = Type.Object({
  apiVersion: Type.Literal('admission.k8s.io/v1'),
  kind: Type.Literal('AdmissionReview'),
  request: Type.Object({
    uid: Type.String({ minLength: 1 }),
    kind: Type.Object({ group: Type.Literal(''), version: Type.Literal('v1'), kind: Type.Literal('Pod') }),
    subResource: maybe(Type.Literal('')),
    operation: Type.Literal('CREATE'),
    namespace: Type.String({ minLength: 1 }),
    object: Pod,
  }),
});

export type Pod = Static<typeof Pod>;
export type Container = Static<typeof Container>;
export type EnvVar = Static<typeof EnvVar>;
export type VolumeMount = Static<typeof VolumeMount>;
export type Volume = Static<typeof Volume>;
export type Resources = Static<typeof Resources>;
export type SecurityContext = Static<typeof SecurityContext>;
