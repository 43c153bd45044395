/** What all groups of routes ask of the outside, each of what it says itself. */
import type { AccessRouteDeps } from './access-routes.ts';
import type { AccountRouteDeps } from './account-routes.ts';
import type { ActivityRouteDeps } from './activity-routes.ts';
import type { AlertRouteDeps } from './alert-routes.ts';
import type { BrakeRouteDeps } from './brake-routes.ts';
import type { ErasureRouteDeps } from './erasure-routes.ts';
import type { GroupRouteDeps } from './group-routes.ts';
import type { IpRouteDeps } from './ip-routes.ts';
import type { KeyRouteDeps } from './key-routes.ts';
import type { LinkRouteDeps } from './link-routes.ts';
import type { MailDefaultsRouteDeps } from './mail-defaults-routes.ts';
import type { MailSettingsRouteDeps } from './mail-settings-routes.ts';
import type { ParseRouteDeps } from './parse-routes.ts';
import type { PolicyRouteDeps } from './policy-routes.ts';
import type { PoolRouteDeps } from './pool-routes.ts';
import type { ScheduleRouteDeps } from './schedule-routes.ts';
import type { StatsRouteDeps } from './stats-routes.ts';
import type { SubuserRouteDeps } from './subuser-routes.ts';
import type { ListRouteDeps } from './suppression-routes.ts';
import type { TemplateRouteDeps } from './template-routes.ts';
import type { TrackingRouteDeps } from './tracking-routes.ts';
import type { UserRouteDeps } from './user-routes.ts';
import type { ValidationJobRouteDeps } from './validation-job-routes.ts';
import type { ValidationRouteDeps } from './validation-routes.ts';
import type { VerifiedSenderDeps } from './verified-sender-routes.ts';
import type { WarmUpRouteDeps } from './warm-up-routes.ts';
import type { WebhookRouteDeps } from './webhook-routes.ts';

export type RouteDeps = AccessRouteDeps &
  AccountRouteDeps &
  ActivityRouteDeps &
  AlertRouteDeps &
  BrakeRouteDeps &
  ErasureRouteDeps &
  GroupRouteDeps &
  IpRouteDeps &
  KeyRouteDeps &
  LinkRouteDeps &
  ListRouteDeps &
  MailDefaultsRouteDeps &
  MailSettingsRouteDeps &
  ParseRouteDeps &
  PolicyRouteDeps &
  PoolRouteDeps &
  ScheduleRouteDeps &
  StatsRouteDeps &
  SubuserRouteDeps &
  TemplateRouteDeps &
  TrackingRouteDeps &
  UserRouteDeps &
  ValidationJobRouteDeps &
  ValidationRouteDeps &
  VerifiedSenderDeps &
  WarmUpRouteDeps &
  WebhookRouteDeps;
