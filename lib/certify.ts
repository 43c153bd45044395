/**
 * Every hour, certify looks whether the relay's certificate is due, and obtains the next one by ACME (RFC 8555) with a TXT
 * record in the Route 53 zone. Only in a stack whose relay has `acme`. Nearly every run reads one secret and ends.
 */
import { Duration, RemovalPolicy, SecretValue, Stack, Validations } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IConstruct } from 'constructs';
import { Construct } from 'constructs';
import { challengeRecord } from '../core/certificate.ts';
import { changeRecord } from './permissions/by-settings.ts';
import { PERMISSIONS } from './permissions/table.ts';
import type { OwnRelaySettings } from './relay-settings.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import { acknowledgeTicks, type Clock, runByClock } from './tick.ts';

/** Route 53 takes up to a minute to know a record everywhere, the authority's own look as long. */
const TIMEOUT_SECONDS = 300;
const MEMORY_MB = 512;

export type CertifyProps = {
  settings: Settings;
  relay: Pick<OwnRelaySettings, 'hostName'>;
  acme: NonNullable<OwnRelaySettings['acme']>;
  code: CodeOf;
};

export class Certify extends Construct {
  readonly stage: Stage;
  readonly clock: Clock;
  /** Certificate chain and private key, as PEM. Another text until the first run has ended. */
  readonly certificate: Secret;
  /** The account at the authority: its key, and an order that is under way. */
  readonly account: Secret;

  constructor(scope: Construct, id: string, { settings, relay, acme, code }: CertifyProps) {
    super(scope, id);
    this.certificate = this.#secret('Certificate', 'Certificate and private key of the relay');
    this.account = this.#secret('Account', "Key of the relay's account at its certificate authority");
    const { hostName } = relay;
    const { partition } = Stack.of(this);
    this.stage = new Stage(this, 'Certify', {
      name: 'certify',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        RELAY_HOST: hostName,
        ACME_DIRECTORY_URL: acme.directoryUrl,
        ...(acme.email !== undefined && { ACME_EMAIL: acme.email }),
        HOSTED_ZONE_ID: acme.hostedZone,
        TLS_SECRET_ARN: this.certificate.secretArn,
        ACME_SECRET_ARN: this.account.secretArn,
      },
      targets: {
        tlsSecret: [this.certificate.secretArn],
        acmeSecret: [this.account.secretArn],
        hostedZone: [`arn:${partition}:route53:::hostedzone/${acme.hostedZone}`],
        changes: [`arn:${partition}:route53:::change/*`],
      },
      rows: [...PERMISSIONS.certify, changeRecord(challengeRecord(hostName))],
    });
    // A run that fails is not repeated: the next hour's run goes on with the order that it left.
    this.clock = runByClock(this, this.stage, { id: 'EveryHour', every: Duration.hours(1), silent: 3 });
    this.#acknowledge(settings);
  }

  /** A constant in the template: CloudFormation writes it once, and leaves what certify writes alone. */
  #secret(name: string, description: string): Secret {
    return new Secret(this, name, {
      description,
      secretStringValue: SecretValue.unsafePlainText('nothing yet'),
      // Authorities give out few certificates for one name in a week: a stack that is deployed again finds this one by hand.
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** The findings of cdk-nag that stay (lib/acknowledgements.ts has the others). */
  #acknowledge({ tracing }: Settings): void {
    const { fn } = this.stage;
    const acknowledge = (on: IConstruct, id: string, reason: string) => Validations.of(on).acknowledge({ id, reason });
    acknowledge(
      this.certificate,
      'AwsSolutions-SMG4',
      'certify is its rotation: it writes a new certificate and key a month before the old one ends.',
    );
    acknowledge(
      this.account,
      'AwsSolutions-SMG4',
      'The key of an account at the authority: it signs requests for one name, and a lost one is made anew by itself.',
    );
    acknowledge(
      fn.role!.node.findChild('DefaultPolicy'),
      'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:route53:::change/*]',
      'A change has its id only once it was made; one named action, which reads whether a change is known everywhere.',
    );
    acknowledgeTicks(this.stage, this.clock, tracing, {
      tick: 'Its event is a tick of the clock without content: the next hour looks again, and an alarm counts failures.',
      untraced: 'Traces cost more than the certificate; the setting `tracing` turns them on for a while.',
    });
  }
}
