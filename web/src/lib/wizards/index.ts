import { evpn } from './evpn';
import { tenant } from './tenant';
import { vlan } from './vlan';

/** The wizards, in the order in which they are offered. */
export const wizards = [tenant, vlan, evpn];
