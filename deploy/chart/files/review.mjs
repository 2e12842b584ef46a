// Sends the webhook an AdmissionReview as the API server would, for a pod that no StatefulSet controls: the
// answer must allow it and change nothing. It calls the address of the Service, not its name: neither do API
// servers need DNS for it. HOST: the name in the certificate; CA: what must have signed it, if known.
import { randomUUID } from 'node:crypto';
import { request } from 'node:https';
import { checkServerIdentity } from 'node:tls';

const { HOST, CA, REDIS_IP_UPDATER_WEBHOOK_SERVICE_HOST: address } = process.env;
const uid = randomUUID();
const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'default',
    operation: 'CREATE',
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'test' },
      spec: { containers: [{ name: 'test', image: 'test' }] },
    },
  },
};

const call = request({
  host: address,
  servername: HOST,
  path: '/mutate',
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  timeout: 10_000,
  ...(CA ? { ca: CA } : { rejectUnauthorized: false }),
});
call.on('timeout', () => call.destroy(new Error(`${HOST} did not answer within 10 s`)));
call.on('error', (error) => fail(error.message));
call.on('response', async (response) => {
  const wrongName = checkServerIdentity(HOST, response.socket.getPeerCertificate());
  const body = Buffer.concat(await response.toArray()).toString();
  if (wrongName) fail(wrongName.message);
  if (response.statusCode !== 200) fail(`status ${response.statusCode}: ${body}`);
  const answer = JSON.parse(body).response;
  if (answer.uid !== uid || answer.allowed !== true || answer.patch) fail(`unexpected answer: ${body}`);
  console.log(`${HOST} answers, with a certificate for its name${CA ? ' of the given CA' : ''}.`);
});
call.end(JSON.stringify(review));

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
