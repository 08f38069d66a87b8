import { expect, test } from 'vitest';
import { programName } from '../../cli/invocation.js';

test.each([
  [{}, 'antecedent'],
  [{ npm_lifecycle_event: 'start' }, 'npm run -s antecedent --'],
  [{ npm_lifecycle_event: 'antecedent' }, 'npm run -s antecedent --'],
  [{ npm_lifecycle_event: 'npx', npm_lifecycle_script: 'antecedent list' }, 'npx antecedent'],
  [{ npm_lifecycle_event: 'npx', npm_lifecycle_script: 'vitest' }, 'antecedent'],
  [{ npm_lifecycle_event: 'test' }, 'antecedent'],
])('proposes commands as this one was typed: %j', (environment, name) => {
  expect(programName(environment)).toBe(name);
});
