/**
 * Pod IPs out of 127.0.0.0/8, which Linux binds without any set-up. Each pod start gets one that was never used
 * before, unless the test wants a certain one; never one that is still in use.
 */
export class Addresses {
  readonly #prefix: string;
  #last = 0;
  readonly #pinned = new Map<string, string>();
  readonly #released = new Map<string, PromiseWithResolvers<void>>();

  /** `network` is the second octet, 1 to 255. */
  constructor(network: number) {
    this.#prefix = `127.${network}`;
  }

  /** A new address for a start of the pod; a pinned one is waited for until its present owner is gone. */
  async allocate(pod: string): Promise<string> {
    const ip = this.#pinned.get(pod) ?? this.reserve();
    this.#pinned.delete(pod);
    for (let owner = this.#released.get(ip); owner; owner = this.#released.get(ip)) await owner.promise;
    this.#released.set(ip, Promise.withResolvers());
    return ip;
  }

  release(ip: string): void {
    const owner = this.#released.get(ip);
    this.#released.delete(ip);
    owner?.resolve();
  }

  /** The pod's next start, and only that one, gets this address. */
  pin(pod: string, ip: string): void {
    this.#pinned.set(pod, ip);
  }

  /** An address that nobody else will get unless it is pinned. */
  reserve(): string {
    this.#last += 1;
    // No .0 and no .255: they look like networks in a log.
    return `${this.#prefix}.${Math.floor(this.#last / 250)}.${(this.#last % 250) + 1}`;
  }
}
