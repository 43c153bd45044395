/**
 * Which addresses inside the VPC a lane gets. They follow from its name alone, so that adding, removing or reordering
 * lanes never moves another lane's subnets (CloudFormation can't move a subnet: it would replace the NAT gateway too).
 */
import { createHash } from 'node:crypto';

/** The VPC's own range: 2,048 slots of 32 addresses. */
export const VPC_CIDR = '10.25.0.0/16';
const SLOTS = 2048;

/** The relay's range, beside the lanes': any slot of theirs may be taken. */
export const RELAY_CIDR = '10.26.0.0/24';
/** Its subnets, 64 addresses each, in the first zones of the region: tasks, and the load balancer's own. */
export const RELAY_SUBNETS = ['10.26.0.0/26', '10.26.0.64/26'] as const;

/** The slot of a lane, 0 to 2047. Two names can share one: the settings refuse that. */
export function subnetSlot(lane: string): number {
  return createHash('sha256').update(lane).digest().readUInt32BE(0) % SLOTS;
}

/** The two ranges of a lane, 16 addresses each (the least AWS allows): NAT gateway in one, deliver in the other. */
export function subnetCidrs(lane: string): { publicCidr: string; privateCidr: string } {
  const first = subnetSlot(lane) * 32;
  const cidr = (offset: number) => `10.25.${first >> 8}.${(first & 255) + offset}/28`;
  return { publicCidr: cidr(0), privateCidr: cidr(16) };
}

/** The availability zone of a lane, as a place in the region's list. */
export function zoneOf(lane: { name: string; zone?: number | undefined }, maxAzs: number): number {
  return lane.zone ?? subnetSlot(lane.name) % maxAzs;
}
