/** Stories for the reports: a small one written by hand, and one in which every text is hostile. */
import { findScenario, makePlan, runPlan, storyOfRun, type Plan, type Story } from '../../../scenarios/index.js';
import { HistoryBuilder } from '../oracles/history-builder.js';

const kept = { planPath: 'runs/partition-heal-1.json', program: 'antecedent' };

/** c is given b:1 without its cause. */
export const overtaking = new HistoryBuilder('a b c')
  .broadcast('a:1')
  .accepted('a:1')
  .deliver('a', 'a:1')
  .deliver('b', 'a:1')
  .broadcast('b:1')
  .deliver('b', 'b:1')
  .deliver('c', 'b:1');

/** The story of a history by hand, judged; the plan is that of `partition-heal`, for its faults. */
export function storyOf(builder: HistoryBuilder, changes: Partial<Plan> = {}): Story {
  const plan: Plan = { ...makePlan(findScenario('partition-heal'), '1'), ...changes };
  const violation = builder.safety();
  const simulatedMs = builder.events.at(-1)?.atMs ?? 0;
  const run = {
    plan: { ...plan, nodes: [...new Set(builder.events.map(({ node }) => node))] },
    history: builder.events,
    violations: violation === undefined ? [] : [violation],
    verdict: violation?.kind ?? ('pass' as const),
    simulatedMs,
  };
  return storyOfRun(run, kept);
}

/** A real run of the catalogue. */
export function storyOfScenario(name: string, seed = '1'): Story {
  return storyOfRun(runPlan(makePlan(findScenario(name), seed), { keepHistory: true }), kept);
}

/** Ends elements, attributes, scripts, comments, fences, diagrams and commands wherever it is not escaped. */
export const hostileText =
  '</script><script>globalThis.pwned=1</script><img src=x onerror=globalThis.pwned=1> "\'`--><!-- ]]> %0A::error::x\n```\nend; n0->>n1: x #35; \u202e\u0007 [x](https://example.org)';

/** The same violation, with that text wherever others choose it. */
export function hostileStory(): Story {
  const builder = new HistoryBuilder('a b c')
    .broadcast('a:1', hostileText)
    .deliverOne('a', 'a:1', { payload: hostileText })
    .deliverOne('b', 'a:1', { payload: hostileText })
    .broadcast('b:1', hostileText)
    .deliverOne('b', 'b:1', { payload: hostileText });
  builder.events.push({
    type: 'alarm',
    atMs: builder.events.length,
    node:
      builder.events[0]?.node ??
      (() => {
        throw new Error('the history is empty');
      })(),
    code: 'E_STUCK',
    message: hostileText,
  });
  builder.deliverOne('c', 'b:1', { payload: hostileText });
  const story = storyOf(builder, { scenario: hostileText });
  const violation = storyOf(overtaking).violation;
  if (violation === undefined) throw new Error('the history is correct');
  return {
    ...story,
    violation: { ...violation, atMs: builder.events.length, sentence: hostileText },
    title: hostileText,
    command: hostileText,
  };
}
