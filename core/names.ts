/**
 * Names of nodes and clusters: validated once at the edge, branded ever after.
 *
 * Names are ASCII, so comparing strings compares bytes, on every machine and in every locale. Upper case is allowed and
 * distinct. Two dots in a row and a final dot are refused because names become file names and parts of URIs.
 */
import { AntecedentError } from './errors.js';

declare const nodeNameBrand: unique symbol;
declare const clusterNameBrand: unique symbol;

/** The name of a member, as its certificate binds it. */
export type NodeName = string & { readonly [nodeNameBrand]: true };
/** The name of a cluster: the trust domain of its certificates. */
export type ClusterName = string & { readonly [clusterNameBrand]: true };

export const nameLengthMax = 64;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const nameRule =
  'a name has 1 to 64 characters of A-Z a-z 0-9 . _ -, starts with a letter or digit, has no ".." and does not end with "."';

function isName(text: string): boolean {
  return namePattern.test(text) && !text.includes('..') && !text.endsWith('.');
}

/** True when `text` may name a node. */
export function isNodeName(text: string): text is NodeName {
  return isName(text);
}

/** Validates the name of a node. Throws `E_NAME`. */
export function nodeName(text: string): NodeName {
  if (!isNodeName(text)) throw new AntecedentError('E_NAME', `${JSON.stringify(text)} is no node name: ${nameRule}`);
  return text;
}

/** Validates the name of a cluster. Throws `E_NAME`. */
export function clusterName(text: string): ClusterName {
  if (!isName(text)) throw new AntecedentError('E_NAME', `${JSON.stringify(text)} is no cluster name: ${nameRule}`);
  return text as ClusterName;
}

/** Orders names byte by byte. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
