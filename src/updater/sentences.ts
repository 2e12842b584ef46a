/** What a user reads when the updater refuses: what is wrong, ids and pods by name, and the way out. */
import type { Refusal } from '../addresses/announce-then-look.ts';
import { exitCodes, Failure } from '../errors.ts';
import { annotations, NODES_CONFIG_MAP } from '../names.ts';
import type { Config } from './config.ts';
import { backupPath } from './nodes-file.ts';

type Where = Pick<Config, 'podName' | 'podNamespace' | 'nodesConf'>;

export function refusalFailure(refusal: Refusal, where: Where): Failure {
  const { podName, nodesConf } = where;
  switch (refusal.kind) {
    case 'identity-conflict':
      return refuse(
        `The node id ${refusal.id} of ${nodesConf} in pod ${podName} is recorded for pod ${refusal.otherPod}, and two nodes with one id destroy a cluster. ` +
          `If this volume is a copy, give the pod an empty one; if the node has moved here for good, remove the other entry: ${removal(refusal.otherPod, where)}`,
      );
    case 'lost-volume':
      return refuse(
        `${nodesConf} is missing or empty, but node id ${refusal.id} is recorded for pod ${podName}: its volume was lost, and an empty server at a master's address makes its replica drop the last copy. ` +
          `Bring the volume back; or promote the replica (CLUSTER FAILOVER TAKEOVER), then remove the entry: ${removal(podName, where)}; or accept the loss with the annotation ${annotations.onLostVolume}: start`,
      );
  }
}

export function badFile(reason: string, { nodesConf }: Where): Failure {
  return refuse(
    `${nodesConf} ${reason}, so it is not used and was left as it is. Restore it from a backup of the volume (${backupPath(nodesConf)}, where it exists, is what it was before our last change), or move it away and remove the pod's entry from the ConfigMap ${NODES_CONFIG_MAP} to start a new node.`,
  );
}

export function misplacedFile(found: string, { nodesConf }: Where): Failure {
  return refuse(
    `There is no ${nodesConf}, but ${found} on the same volume is a nodes.conf: set the annotation ${annotations.nodesConf} to the path that redis uses, or remove the file if this is a new node.`,
  );
}

function refuse(sentence: string): Failure {
  return new Failure(exitCodes.refused, sentence);
}

/** The command that removes the entry of `pod`. */
function removal(pod: string, { podNamespace }: Where): string {
  const patch = JSON.stringify({ data: { [pod]: null } });
  return `kubectl -n ${podNamespace} patch configmap ${NODES_CONFIG_MAP} --type merge -p '${patch}'`;
}
