/** What a user reads when the updater refuses: what is wrong, ids and pods by name, and the way out. */
import type { Refusal } from '../addresses/announce-then-look.ts';
import type { Entry } from '../addresses/node-map.ts';
import { exitCodes, Failure } from '../errors.ts';
import { excerpt } from '../excerpt.ts';
import { annotations, NODES_CONFIG_MAP, NODES_TXT_KEY } from '../names.ts';
import { backupPath } from './backup.ts';
import type { Config } from './config.ts';

/** Of a node id; what a map has in its place may be anything. */
const ID_CHARACTERS = 40;

type Where = Pick<Config, 'podName' | 'podNamespace' | 'nodesConf'>;

/** Why this pod must not start, from the state machine's refusal. */
export function refusalFailure(refusal: Refusal, where: Where): Failure {
  const { podName, nodesConf } = where;
  switch (refusal.kind) {
    case 'identity-conflict': {
      const { id, other } = refusal;
      return refuse(
        `The node id ${id} of ${nodesConf} in pod ${podName} is recorded for pod ${other.pod}, and two nodes with one id destroy a cluster. ` +
          `If this volume is a copy, give the pod an empty one; if the node has moved here for good, remove the other entry: ${removal(other, where)}`,
      );
    }
    case 'lost-volume': {
      const { entry } = refusal;
      const accept =
        entry.line === null
          ? `; or accept the loss with the annotation ${annotations.onLostVolume}: start`
          : '';
      return refuse(
        `${nodesConf} is missing or empty, but node id ${excerpt(entry.id, ID_CHARACTERS, false)} is recorded for pod ${podName}: its volume was lost, and an empty server at a master's address makes its replica drop the last copy. ` +
          `Bring the volume back; or, if it was a master, promote its replica (CLUSTER FAILOVER TAKEOVER), then remove the entry: ${removal(entry, where)} and join the new, empty node that starts (redis-cli --cluster add-node; CLUSTER FORGET the lost one)${accept}`,
      );
    }
  }
}

/** A file that no server should start with; `reason` completes the sentence "nodes.conf ... ". */
export function badFile(reason: string, { nodesConf }: Where): Failure {
  return refuse(
    `${nodesConf} ${reason}, so it is not used and was left as it is. Restore it from a backup of the volume (${backupPath(nodesConf)}, where it exists, is what it was before our last change), or move it away and remove the pod's entry from the ConfigMap ${NODES_CONFIG_MAP} to start a new node.`,
  );
}

/** There is no file where redis is said to keep it, but there is one elsewhere. */
export function misplacedFile(found: string, { nodesConf }: Where): Failure {
  return refuse(
    `There is no ${nodesConf}, but ${found} on the same volume is a nodes.conf: set the annotation ${annotations.nodesConf} to the path that redis uses, or remove the file if this is a new node.`,
  );
}

function refuse(sentence: string): Failure {
  return new Failure(exitCodes.refused, sentence);
}

/** How to remove an entry: a command, or the line that a person wrote and has to take out. */
function removal({ pod, line }: Entry, { podNamespace }: Where): string {
  if (line !== null)
    return `line ${line} of ${NODES_TXT_KEY} in the ConfigMap ${NODES_CONFIG_MAP} of namespace ${podNamespace}`;
  const patch = JSON.stringify({ data: { [pod]: null } });
  return `kubectl -n ${podNamespace} patch configmap ${NODES_CONFIG_MAP} --type merge -p '${patch}'`;
}
