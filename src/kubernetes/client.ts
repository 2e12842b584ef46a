import { KubeConfig } from '@kubernetes/client-node';
import { exitCodes, Failure } from '../errors.ts';

/** What client-node hands to an authenticator before each call; it exports no name for it. */
type RequestContext = Parameters<KubeConfig['applySecurityAuthentication']>[0];

/**
 * A KubeConfig as the environment gives it (KUBECONFIG, else the home directory's, else in-cluster) that makes
 * up for two things that client-node leaves out: it makes a new connection pool, so a new TLS connection, for
 * each call; and no call ever times out. (Watches have their own time limit and ignore ours.)
 * The constructor throws a Failure if there is nothing that says where the API server is.
 */
export class PooledKubeConfig extends KubeConfig {
  readonly #timeoutMs: number;
  #dispatcher: ReturnType<RequestContext['getDispatcher']>;

  constructor(timeoutMs: number) {
    super();
    this.#timeoutMs = timeoutMs;
    try {
      this.loadFromDefault();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Failure(exitCodes.usage, `The kubeconfig cannot be used: ${why}`, { cause: error });
    }
    if (this.#isPlaceholder()) {
      throw new Failure(
        exitCodes.usage,
        'There is no kubeconfig, and this is not a pod with a service account.',
      );
    }
  }

  /** What client-node falls back to where it finds nothing; it would refuse to use it at the first call. */
  #isPlaceholder(): boolean {
    return this.getCurrentCluster()?.server === 'http://localhost:8080';
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    // The one made for the first call serves all: it holds the CA and, outside of a cluster, the client
    // certificate, but never the token, which goes into a header and is read again as it is rotated.
    this.#dispatcher ??= context.getDispatcher();
    if (this.#dispatcher) context.setDispatcher(this.#dispatcher);
    context.setSignal(AbortSignal.timeout(this.#timeoutMs));
  }
}
