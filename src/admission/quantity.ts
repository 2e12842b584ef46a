/** Powers that the suffixes of a Kubernetes quantity stand for. */
const SUFFIXES = new Map<string, number>([
  ['n', 1e-9],
  ['u', 1e-6],
  ['m', 1e-3],
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['P', 1e15],
  ['E', 1e18],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
  ['Pi', 2 ** 50],
  ['Ei', 2 ** 60],
]);

/**
 * The value of a Kubernetes quantity, as in `128Mi`, `1.5G`, `1e3` (bytes for memory), rounded to a double;
 * undefined if it is none. Grammar: k8s.io/apimachinery/pkg/api/resource.
 */
export function parseQuantity(quantity: string | number): number | undefined {
  const parts = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:[eE]([+-]?\d+)|([A-Za-z]{0,2}))$/.exec(String(quantity));
  if (!parts) return undefined;
  const [, digits, exponent, suffix = ''] = parts;
  const power = exponent === undefined ? SUFFIXES.get(suffix) : 10 ** Number(exponent);
  return power === undefined ? undefined : Number(digits) * power;
}
