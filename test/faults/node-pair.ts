/** Two members over TLS in this process, for tests of the library: b dials a. */
import { openNode, type AntecedentNode, type Delivery, type OpenNodeOptions } from '../../transport-tls/index.js';
import { makeTestDirectory, type TestAuthority } from '../support/certificates.js';
import { Inbox, within } from '../transport-tls/waiting.js';

/** An address at which nobody listens. */
export const nobody = '127.0.0.1:1';

/** Options of a member whose peers, if it has any, must dial it; in a directory of its own unless one is given. */
export function optionsOf(
  authority: TestAuthority,
  name: string,
  peers: Readonly<Record<string, string>> = {},
): OpenNodeOptions {
  return {
    ...{ name, cluster: authority.cluster, dataDir: `${makeTestDirectory('node')}/data`, listen: '127.0.0.1:0', peers },
    tls: authority.files(name),
    logger: { log: () => {} },
    timings: { backoffMs: 20, backoffMaxMs: 100 },
  };
}

/** A member that notes its deliveries. */
export class NotingNode implements AsyncDisposable {
  readonly node: AntecedentNode;
  readonly deliveries: Inbox<Delivery>;

  private constructor(node: AntecedentNode, deliveries: Inbox<Delivery>) {
    this.node = node;
    this.deliveries = deliveries;
  }

  static async open(options: OpenNodeOptions): Promise<NotingNode> {
    const deliveries = new Inbox<Delivery>(`a delivery to ${options.name}`);
    const apply = (delivery: Delivery): void => deliveries.put(delivery);
    return new NotingNode(await within('a node', openNode({ apply, ...options })), deliveries);
  }

  /** The next deliveries, as text. */
  async texts(count: number): Promise<readonly string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push(new TextDecoder().decode((await this.deliveries.take()).payload));
    return texts;
  }

  async broadcast(text: string, durable: 'here' | 'all' = 'here'): Promise<number> {
    const accepted = this.node.broadcast(new TextEncoder().encode(text), { durable });
    return (await within('acceptance', accepted)).seq;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.node.close();
  }
}

/** Both members; connected as soon as anything has passed between them. */
export async function openPair(
  authority: TestAuthority,
  options: Partial<OpenNodeOptions> = {},
): Promise<{ readonly a: NotingNode; readonly b: NotingNode }> {
  const a = await NotingNode.open({ ...optionsOf(authority, 'a', { b: nobody }), ...options });
  const b = await NotingNode.open({ ...optionsOf(authority, 'b', { a: a.node.address }), ...options });
  return { a, b };
}
