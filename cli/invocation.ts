/**
 * How this program was started, so that the commands it proposes can be pasted as they are: from a checkout it is not on
 * the PATH.
 */
export function programName(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script } = environment;
  if (event === 'start' || event === 'antecedent') return 'npm run -s antecedent --';
  return event === 'npx' && script?.startsWith('antecedent') === true ? 'npx antecedent' : 'antecedent';
}
