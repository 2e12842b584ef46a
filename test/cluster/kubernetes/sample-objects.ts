import { imageTags } from '../images/stand-ins.ts';

/** Redis servers that know nothing of each other, and an init container that has time to be looked at. */
export function redisStatefulSet(replicas: number): object {
  const image = { image: imageTags.redis, imagePullPolicy: 'Never' };
  const podIp = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'redis' },
    spec: {
      serviceName: 'redis',
      replicas,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'redis' } },
      template: {
        metadata: { labels: { app: 'redis' } },
        spec: {
          terminationGracePeriodSeconds: 1,
          initContainers: [
            {
              name: 'init',
              ...image,
              env: [podIp],
              command: ['sh', '-c', 'echo "$POD_IP $(cat /proc/uptime)"; sleep 1'],
            },
          ],
          containers: [
            {
              name: 'redis',
              ...image,
              args: ['--bind', '*', '-::*', '--protected-mode', 'no'],
              readinessProbe: { exec: { command: ['redis-cli', 'PING'] }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

/** Asks the API, as programs in pods do, who it thinks we are. */
export function whoAmIPod(): object {
  const program = `
    const { readFileSync } = require('node:fs');
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const host = process.env.KUBERNETES_SERVICE_HOST;
    const request = require('node:https').request({
      host, port: process.env.KUBERNETES_SERVICE_PORT, method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      ca: readFileSync(account + '/ca.crt'),
      headers: {
        authorization: 'Bearer ' + readFileSync(account + '/token'), 'content-type': 'application/json',
      },
    }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      console.log(response.statusCode, JSON.parse(text).status.userInfo.username);
    });
    request.end(body);`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'who' },
    spec: {
      restartPolicy: 'Never',
      containers: [
        { name: 'who', image: imageTags.node, imagePullPolicy: 'Never', args: ['--eval', program] },
      ],
    },
  };
}
