/**
 * Reads plans that come from outside: files written by an earlier run, or edited by hand.
 *
 * Nothing is guessed: an unknown key, a name that is not in the cluster, a time out of order are errors. Each names the place in
 * the text (line and column) and in the document (`faults[3].node`), what stands there, and what to do about it; all of them at
 * once, not the first alone. A plan is data: nothing in it names a file or is executed.
 */
import type { z } from 'zod';
import { AntecedentError, nearestName } from '../core/index.js';
import { checkJsonText, formatJsonPath, JsonTextError, locateInJson, type JsonProblem } from './json-text.js';
import { planVersion, type Plan } from './plan.js';
import { findInconsistencies } from './plan-consistency.js';
import { planKeysAt, planSchema } from './plan-schema.js';

/** More problems than this are counted, not listed. */
const problemsShownMax = 10;

interface Located extends JsonProblem {
  /** What of `path` is meant; the value when absent. */
  readonly what?: 'key' | 'value';
}

/** Reads a plan from JSON text. `source` names it in errors. Throws `E_PLAN`. */
export function readPlan(text: string, source: string): Plan {
  try {
    checkJsonText(text);
  } catch (cause) {
    if (!(cause instanceof JsonTextError)) throw cause;
    const { line, column } = cause.position;
    throw new AntecedentError('E_PLAN', `${source}:${line}:${column} is no JSON: ${cause.message}`, { cause });
  }
  return checked(JSON.parse(text), source, text);
}

/** Checks a plan that is parsed already. Throws `E_PLAN`. */
export function parsePlan(document: unknown, source: string): Plan {
  return checked(document, source, undefined);
}

function checked(document: unknown, source: string, text: string | undefined): Plan {
  checkVersion(document, source, text);
  const result = planSchema.safeParse(document, { reportInput: true });
  if (!result.success) {
    const problems = result.error.issues.flatMap((issue) => problemsOf(issue, document));
    throw refuse(source, text, problems);
  }
  const problems = findInconsistencies(result.data);
  if (problems.length > 0) throw refuse(source, text, problems);
  return result.data;
}

function refuse(source: string, text: string | undefined, problems: readonly Located[]): AntecedentError {
  const shown = problems.slice(0, problemsShownMax).map((problem) => `\n  ${describeProblem(problem, text)}`);
  const rest = problems.length - shown.length;
  const more = rest > 0 ? `\n  and ${rest} more` : '';
  return new AntecedentError('E_PLAN', `${source} is no valid plan:${shown.join('')}${more}`);
}

/** `12:7  faults[3].node: ...`: line and column first, where there is a text. */
function describeProblem({ path, text: problem, what = 'value' }: Located, text: string | undefined): string {
  const shown = what === 'key' ? path.slice(0, -1) : path;
  const described = `${formatJsonPath(shown)}: ${problem}`;
  if (text === undefined) return described;
  const { line, column } = locateInJson(text, path, what);
  return `${line}:${column}  ${described}`;
}

function checkVersion(document: unknown, source: string, text: string | undefined): void {
  const version =
    typeof document === 'object' && document !== null && 'version' in document ? document.version : undefined;
  if (version === planVersion) return;
  const found = version === undefined ? 'has no "version"' : `has version ${JSON.stringify(version)}`;
  const problem = `it ${found}, this program reads version ${planVersion}; make the plan again from its scenario and seed`;
  throw refuse(source, text, [{ path: ['version'], text: problem }]);
}

function problemsOf(issue: z.core.$ZodIssue, document: unknown): readonly Located[] {
  const { path } = issue;
  if (issue.code !== 'unrecognized_keys') return [{ path, text: remedy(issue) }];
  const known = planKeysAt(path, document);
  return issue.keys.map((key) => {
    const meant = nearestName(key, known);
    const advice = meant === undefined ? 'remove it' : `did you mean ${JSON.stringify(meant)}?`;
    return { path: [...path, key], what: 'key', text: `unknown ${JSON.stringify(key)}; ${advice}` };
  });
}

/** What is wrong there, and what to write instead. Messages of our own in the schema say both already. */
function remedy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_union':
      if (issue.discriminator === undefined || !('options' in issue)) break;
      return remedyForKind(issue.input, issue.discriminator, (issue.options ?? []).map(String));
    case 'invalid_type':
      if (issue.input === undefined) return `missing; add it, it is of type ${issue.expected}`;
      return `${shorten(issue.input)} is not of type ${issue.expected}; write one that is`;
    case 'too_small':
      return `${amountOf(issue)} is too small; the least is ${issue.minimum}`;
    case 'too_big':
      return `${amountOf(issue)} is too large; the most is ${issue.maximum}`;
    default:
      break;
  }
  return issue.input === undefined ? 'missing; add it' : `${shorten(issue.input)}: ${issue.message}`;
}

function remedyForKind(input: unknown, discriminator: string, kinds: readonly string[]): string {
  const all = `use one of ${kinds.join(', ')}`;
  const found: unknown =
    typeof input === 'object' && input !== null
      ? Object.entries(input).find(([key]) => key === discriminator)?.[1]
      : undefined;
  if (typeof found !== 'string') return `no such kind; ${all}`;
  const meant = nearestName(found, kinds);
  return `no such kind; ${meant === undefined ? all : `did you mean ${JSON.stringify(meant)}? Otherwise ${all}`}`;
}

/** A number itself, the length of a list or a text. */
function amountOf({ input }: { readonly input?: unknown }): string {
  if (Array.isArray(input)) return `a list of ${input.length}`;
  return typeof input === 'string' ? `a text of ${input.length} characters` : shorten(input);
}

function shorten(value: unknown): string {
  // JSON has no infinity, and one that was read as such (1e999) would show as null.
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
