import { findScenario, makePlan, type Plan } from '../../scenarios/index.js';

/** A plan that cannot hold: nothing gets through until a moment before the deadline. */
export function hopelessPlan(): Plan {
  const plan = makePlan(findScenario('partition-heal'), '3');
  return {
    ...plan,
    options: { ...plan.options, link: { ...plan.options.link, loss: 1 } },
    deadlineMs: plan.healedAtMs + 1,
  };
}
