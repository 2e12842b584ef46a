/** What a go.mod of ours says is to be built. The file is the one place for it. */
export type Module = {
  /** Import paths of the commands, as its `tool` lines name them. */
  tools: string[];
  /** Version of k8s.io/kubernetes, for example v1.36.3, where the module requires it. */
  kubernetes: string | undefined;
};

/** Reads the `tool` block and the required Kubernetes out of the text of a go.mod. */
export function parseModule(goMod: string): Module {
  const block = /^tool \(\n([\s\S]*?)^\)/m.exec(goMod)?.[1];
  const single = /^tool (\S+)$/m.exec(goMod)?.[1];
  const tools = block ? block.split('\n').map((line) => line.trim()) : [single ?? ''];
  return {
    tools: tools.filter((line) => line !== ''),
    kubernetes: /^\s*k8s\.io\/kubernetes (v\S+)/m.exec(goMod)?.[1],
  };
}

/** The name `go build` gives a command: the last part of its path that is not a major version. */
export function commandName(tool: string): string {
  const parts = tool.split('/');
  const last = parts.at(-1) ?? '';
  return /^v\d+$/.test(last) ? (parts.at(-2) ?? last) : last;
}

/** Linker flags: small binaries, and the version that a release of Kubernetes would report. */
export function linkerFlags({ kubernetes }: Module): string {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(kubernetes ?? '') ?? [];
  if (!major || !minor) return '-s -w';
  const values = { gitVersion: kubernetes, gitMajor: major, gitMinor: minor };
  const settings = Object.entries(values).map(([k, v]) => `-X k8s.io/component-base/version.${k}=${v}`);
  return ['-s -w', ...settings].join(' ');
}
