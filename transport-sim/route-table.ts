/**
 * Rules in, verdicts out: which profile a route has, and whether it is blocked.
 *
 * Invariants:
 * - A route made late has the profile and the verdict that it would have, had it existed from the start: routes are made
 *   when first used, because a hundred nodes have ten thousand of them.
 * - Rules apply in the order in which they were given; a later one overrides only the fields that it names.
 */
import type { Host } from './host.js';
import type { Kernel } from './kernel.js';
import { Route, type LinkProfile } from './route.js';

/** Undefined stands for every node. */
interface ProfileRule {
  readonly from: Host | undefined;
  readonly to: Host | undefined;
  readonly profile: Partial<LinkProfile>;
}

export class RouteTable {
  readonly #kernel: Kernel;
  readonly #profile: LinkProfile;
  readonly #rows: (Route | undefined)[][] = [];
  #rules: ProfileRule[] = [];
  #groups: readonly ReadonlySet<Host>[] = [];
  readonly #blocked = new Map<Host, Set<Host>>();

  constructor(kernel: Kernel, profile: LinkProfile) {
    this.#kernel = kernel;
    this.#profile = profile;
  }

  get(from: Host, to: Host): Route {
    const known = this.#rows[from.index]?.[to.index];
    return known ?? this.#make(from, to);
  }

  setProfile(profile: Partial<LinkProfile>, from: Host | undefined, to: Host | undefined): void {
    const rule: ProfileRule = { from, to, profile };
    // A rule that the new one overrides entirely is dropped, so that a flapping profile does not grow the list.
    this.#rules = this.#rules.filter((older) => !overrides(rule, older));
    this.#rules.push(rule);
    for (const route of this.#routes()) if (concerns(rule, route.from, route.to)) route.setProfile(profile);
  }

  /** True when `groups` would keep two nodes apart that the partition in force does not. */
  separates(groups: readonly ReadonlySet<Host>[]): boolean {
    const hosts = [...new Set(groups.flatMap((group) => [...group]))];
    return hosts.some((from) => hosts.some((to) => areApart(groups, from, to) && !areApart(this.#groups, from, to)));
  }

  /** Replaces the partition in force. */
  setGroups(groups: readonly ReadonlySet<Host>[]): void {
    this.#groups = groups;
    this.#judgeAll();
  }

  /** True when nothing gets from `from` to `to`, for whatever reason. */
  isBlocked(from: Host, to: Host): boolean {
    return this.#blocked.get(from)?.has(to) === true || areApart(this.#groups, from, to);
  }

  block(from: Host, to: Host): void {
    const blocked = this.#blocked.get(from) ?? new Set<Host>();
    this.#blocked.set(from, blocked.add(to));
    this.#judgeAll();
  }

  unblock(from: Host, to: Host): void {
    this.#blocked.get(from)?.delete(to);
    this.#judgeAll();
  }

  heal(): void {
    this.#groups = [];
    this.#blocked.clear();
    this.#judgeAll();
  }

  #make(from: Host, to: Host): Route {
    const route = new Route(this.#kernel, from, to, this.#profile);
    for (const rule of this.#rules) if (concerns(rule, from, to)) route.setProfile(rule.profile);
    route.isBlocked = this.isBlocked(from, to);
    while (this.#rows.length <= from.index) this.#rows.push([]);
    const row = this.#rows[from.index] ?? [];
    while (row.length <= to.index) row.push(undefined);
    row[to.index] = route;
    return route;
  }

  *#routes(): Iterable<Route> {
    for (const row of this.#rows) for (const route of row) if (route !== undefined) yield route;
  }

  #judgeAll(): void {
    for (const route of this.#routes()) route.isBlocked = this.isBlocked(route.from, route.to);
  }
}

/** True when both are in groups, and share none. */
function areApart(groups: readonly ReadonlySet<Host>[], from: Host, to: Host): boolean {
  if (from === to) return false;
  let isFromListed = false;
  let isToListed = false;
  for (const group of groups) {
    const hasFrom = group.has(from);
    const hasTo = group.has(to);
    if (hasFrom && hasTo) return false;
    isFromListed ||= hasFrom;
    isToListed ||= hasTo;
  }
  return isFromListed && isToListed;
}

function concerns(rule: ProfileRule, from: Host, to: Host): boolean {
  return (rule.from === undefined || rule.from === from) && (rule.to === undefined || rule.to === to);
}

/** True when nothing of `older` is left wherever `rule` applies, and `rule` applies wherever `older` does. */
function overrides(rule: ProfileRule, older: ProfileRule): boolean {
  const isWiderFrom = rule.from === undefined || rule.from === older.from;
  const isWiderTo = rule.to === undefined || rule.to === older.to;
  return isWiderFrom && isWiderTo && Object.keys(older.profile).every((field) => Object.hasOwn(rule.profile, field));
}
