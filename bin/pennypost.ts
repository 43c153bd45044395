/** The CDK app: what `cdk synth` and `cdk deploy` run. It stops at the first finding that nobody has acknowledged. */
import { makeApp } from '../lib/synthesize.ts';
import settings from '../pennypost.config.ts';

makeApp(settings, { nag: true }).app.synth();
