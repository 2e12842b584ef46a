import { KubeConfig } from '@kubernetes/client-node';
import { exitCodes, Failure } from '../errors.ts';

/** What client-node hands to an authenticator before each call; it exports no name for it. */
type RequestContext = Parameters<KubeConfig['applySecurityAuthentication']>[0];

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

/**
 * A KubeConfig as the environment gives it (KUBECONFIG, else the home directory's, else in-cluster) that makes
 * up for what client-node leaves out: it makes a new connection pool, so a new TLS connection, for each call; no
 * call ever times out (watches have their own time limit and ignore ours); and redirects are followed, to wherever.
 * The constructor throws a Failure if there is nothing that says where the API server is.
 */
export class PooledKubeConfig extends KubeConfig {
  readonly #timeoutMs: number;
  #dispatcher: Dispatcher | undefined;

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
    this.#dispatcher ??= context.getDispatcher()?.compose(withoutRedirects);
    if (this.#dispatcher) context.setDispatcher(this.#dispatcher);
    context.setSignal(AbortSignal.timeout(this.#timeoutMs));
  }
}

/** The API server redirects nobody: whoever does is somebody else, and is not to choose whom we ask and believe. */
function withoutRedirects(dispatch: Dispatcher['dispatch']): Dispatcher['dispatch'] {
  return (options, handler) =>
    dispatch(options, {
      onRequestStart: (...args) => handler.onRequestStart?.(...args),
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (controller, statusCode, ...args) => {
        if (statusCode >= 300 && statusCode < 400)
          throw new Error(`it answers with a redirect (${statusCode})`);
        handler.onResponseStart?.(controller, statusCode, ...args);
      },
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
}
