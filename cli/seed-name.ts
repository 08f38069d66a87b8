/** Seeds in JSON: numbers where they came from the command line, as sweeps count them; any other text of a plan as it stands. */
export function seedForJson(seed: string): number | string {
  const value = Number(seed);
  return Number.isSafeInteger(value) && String(value) === seed ? value : seed;
}
