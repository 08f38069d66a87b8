/** Steps of a plan in words: `a broadcasts`, `a > b arrives`, `b crashes`. */
import type { PlannedStep } from '../plan.js';

export function describeStep(step: PlannedStep): string {
  switch (step.kind) {
    case 'operation':
      return `${step.node} broadcasts`;
    case 'crash':
      return `${step.node} crashes`;
    case 'restart':
      return `${step.node} starts`;
    case 'deliver':
      return `${step.from} > ${step.to} arrives`;
    case 'drop':
      return `${step.from} > ${step.to} is lost`;
    case 'duplicate':
      return `${step.from} > ${step.to} arrives and comes again`;
    case 'overtake':
      return `${step.from} > ${step.to} is overtaken by the next`;
  }
}
