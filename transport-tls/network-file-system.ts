/**
 * Which file systems are on another machine, or in a program of somebody's own.
 *
 * A journal needs two promises that they are known to break: a lock that no second process gets, and a sync that returns
 * when the bytes are on a disk. Linux tells by a number in `statfs`; elsewhere the number means nothing, and nothing is told.
 */
import { statfsSync } from 'node:fs';

/** From statfs(2) and include/uapi/linux/magic.h of Linux 6.8; Lustre and VMware's from their own sources. */
const namesByType: ReadonlyMap<bigint, string> = new Map([
  [0x6969n, 'NFS'],
  [0x517bn, 'SMB'],
  [0xfe534d42n, 'SMB2'],
  [0xff534d42n, 'CIFS'],
  // sshfs, s3fs, shared folders of virtual machines. What cannot be told apart must be allowed by name.
  [0x65735546n, 'FUSE'],
  [0x01021997n, '9P'],
  [0x5346414fn, 'AFS'],
  [0x6b414653n, 'AFS'],
  [0x00c36400n, 'Ceph'],
  [0x73757245n, 'Coda'],
  [0x564cn, 'NCP'],
  [0x0bd00bd0n, 'Lustre'],
  [0x786f4256n, 'vboxsf'],
  [0xbacbacbcn, 'vmhgfs'],
]);

/** The name of the network file system that `path` is on; undefined when it is none, or nobody knows. */
export function networkFileSystemOf(path: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  // Where a word of the system has 32 bits, the large numbers come with a sign.
  return namesByType.get(BigInt.asUintN(32, statfsSync(path, { bigint: true }).type));
}
