/** The stand-in's contract against real API servers: what our programs rely on is true of both. */
import t from 'tap';
import { startControlPlane } from '../../cluster/kubernetes/control-plane.ts';
import { testedVersion } from '../../cluster/kubernetes/tested-version.ts';
import { until } from '../../cluster/kubernetes/until.ts';
import { contract } from '../../support/kubernetes-api/contract.ts';

t.test(`Kubernetes ${testedVersion}`, async (t) => {
  const plane = await startControlPlane();
  t.teardown(() => plane.stop());
  const { url, caPem, adminToken, compact } = plane;
  const settled = async (namespace: string) => {
    const path = `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`;
    await until('the namespace has its CA bundle', 60_000, () =>
      plane.api.request('GET', path).then(
        () => true,
        () => false,
      ),
    );
  };
  contract(t, async () => ({ url, ca: caPem, adminToken, compact, settled }));
});
