import envSchema from 'env-schema';
import Type, { type Static } from 'typebox';
import { exitCodes, Failure } from '../errors.ts';

const Port = (port: number) => Type.Integer({ minimum: 0, maximum: 65535, default: port });
const Levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const DAY_SECONDS = 24 * 60 * 60;

/** Nothing, or names (RFC 1123 subdomains) separated by commas. */
const SECRET_NAMES = '^$|^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(,[a-z0-9]([-a-z0-9.]*[a-z0-9])?)*$';

const Config = Type.Object({
  /** Image of the init container. */
  UPDATER_IMAGE: Type.String({ minLength: 1 }),
  UPDATER_IMAGE_PULL_POLICY: Type.Optional(Type.Enum(['Always', 'IfNotPresent', 'Never'])),
  /** Names of the secrets with which namespaces pull that image, separated by commas. */
  UPDATER_IMAGE_PULL_SECRETS: Type.String({ pattern: SECRET_NAMES, default: '' }),
  /**
   * Directory of tls.crt and tls.key, as a mounted Secret of type kubernetes.io/tls has them. Without it the webhook
   * makes its own certificates, for its Service in NAMESPACE; then, and only then, what follows counts.
   */
  CERT_DIR: Type.Optional(Type.String({ minLength: 1 })),
  NAMESPACE: Type.Optional(Type.String({ minLength: 1 })),
  CA_LIFETIME_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 10 * 365 * DAY_SECONDS }),
  SERVING_LIFETIME_SECONDS: Type.Number({ exclusiveMinimum: 0, default: 7 * DAY_SECONDS }),
  /** Between two looks at clock, Secret and caBundle, for what no watch tells. */
  CERTIFICATE_CHECK_SECONDS: Type.Number({ exclusiveMinimum: 0, maximum: 86_400, default: 60 }),
  /** From a new CA in the caBundle to its first use: a hundred times what API servers need to hear of it. */
  CERTIFICATE_SETTLE_SECONDS: Type.Number({ minimum: 0, maximum: 86_400, default: 60 }),
  /** HTTPS, for the API server. 0: any free one; the log says which. */
  PORT: Port(8443),
  /** HTTP: /livez, /readyz, /metrics. */
  MANAGEMENT_PORT: Port(8080),
  /**
   * How long a terminating webhook keeps serving. Removing the endpoint from every node's proxy takes a few
   * seconds; together with a last request (5 s) this stays well within the 30 s that a pod has by default.
   */
  DRAIN_SECONDS: Type.Number({ minimum: 0, maximum: 3600, default: 10 }),
  LOG_LEVEL: Type.Enum([...Levels], { default: 'info' }),
});

export type Config = Static<typeof Config>;

/** Reads the environment. Throws a Failure with exit code 64 that names the first bad variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  try {
    const config = envSchema<Config>({ schema: Config, data: env, env: false });
    // Or a CA could end before what it signed was renewed.
    if (config.CA_LIFETIME_SECONDS < 3 * config.SERVING_LIFETIME_SECONDS)
      throw new Error('CA_LIFETIME_SECONDS must be at least three times SERVING_LIFETIME_SECONDS');
    return config;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure(exitCodes.usage, `The environment of the webhook is not right: ${reason}.`, {
      cause: error,
    });
  }
}
