/** The collections of user agents under ../shared/corpus, and what our rules say of them. */
import { existsSync, readFileSync } from 'node:fs';
import { machineByAgent, readerOf } from '../core/tracking/agent.ts';

const CORPUS = '../shared/corpus';
export const hasAgents = () => existsSync(`${CORPUS}/crawler-user-agents`) && existsSync(`${CORPUS}/uap-core`);

type Case = Record<string, string>;

/** uap-core's test files: YAML of one shape, of which this reads the scalars. */
function readCases(file: string): Case[] {
  const cases: Case[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, begins, key, raw = ''] = /^\s*(- )?(\w+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined || key === 'test_cases') continue;
    if (begins) cases.push({});
    const value = /^"/.test(raw) ? (JSON.parse(raw) as string) : raw.replace(/^'(.*)'$/, '$1').replaceAll("''", "'");
    const last = cases.at(-1);
    if (last) last[key] = value;
  }
  return cases.filter(({ user_agent_string: agent }) => agent !== undefined && agent !== '');
}

/** uap-core's families of browsers by our names; families that are not here are not asked about. */
const FAMILIES: Readonly<Record<string, string>> = {
  Chrome: 'Chrome',
  'Chrome Mobile': 'Chrome',
  'Chrome Mobile iOS': 'Chrome',
  'Chrome Mobile WebView': 'Chrome',
  Chromium: 'Chrome',
  Firefox: 'Firefox',
  'Firefox Mobile': 'Firefox',
  'Firefox iOS': 'Firefox',
  'Firefox Beta': 'Firefox',
  'Firefox Alpha': 'Firefox',
  Safari: 'Safari',
  'Mobile Safari': 'Safari',
  'Mobile Safari UI/WKWebView': 'Safari',
  Edge: 'Edge',
  'Edge Mobile': 'Edge',
  IE: 'Internet Explorer',
  'IE Mobile': 'Internet Explorer',
  Opera: 'Opera',
  'Opera Mobile': 'Opera',
  'Opera Mini': 'Opera',
  'Opera Tablet': 'Opera',
  'Opera Coast': 'Opera',
  'Samsung Internet': 'Samsung Internet',
  'Yandex Browser': 'Yandex Browser',
  'UC Browser': 'UC Browser',
  Vivaldi: 'Vivaldi',
  Android: 'Android Browser',
  Facebook: 'Facebook',
  Instagram: 'Instagram',
};
/** uap-core's families of devices whose kind nobody doubts. */
const DEVICES: Readonly<Record<string, string>> = {
  iPhone: 'Phone',
  iPod: 'Phone',
  iPad: 'Tablet',
  Mac: 'Desktop',
  Kindle: 'Tablet',
  'Generic Smartphone': 'Phone',
  'Generic Tablet': 'Tablet',
};

export function readAgents() {
  const crawlers = JSON.parse(readFileSync(`${CORPUS}/crawler-user-agents/crawler-user-agents.json`, 'utf8')) as {
    instances?: string[];
  }[];
  const botAgents = [...new Set(crawlers.flatMap(({ instances = [] }) => instances))];
  const ofBrowsers = readCases(`${CORPUS}/uap-core/tests/test_ua.yaml`);
  const ofDevices = readCases(`${CORPUS}/uap-core/tests/test_device.yaml`);
  const spiders = new Set(ofDevices.filter(({ family }) => family === 'Spider').map((one) => one.user_agent_string!));
  const known = new Set(botAgents);
  const isPerson = (agent: string) => !spiders.has(agent) && !known.has(agent);
  // People are who uses one of the browsers that people use, or a device that people hold.
  const peopleAgents = [
    ...new Set([
      ...ofBrowsers.filter(({ family }) => family! in FAMILIES).map((one) => one.user_agent_string!),
      ...ofDevices
        .filter(({ family }) => family !== 'Spider' && family !== 'Other')
        .map((one) => one.user_agent_string!),
    ]),
  ].filter(isPerson);
  const found = botAgents.filter((agent) => machineByAgent(agent) !== undefined);
  const missed = botAgents.filter((agent) => machineByAgent(agent) === undefined);
  const called = peopleAgents.filter((agent) => machineByAgent(agent) !== undefined);
  const judge = (cases: Case[], names: Readonly<Record<string, string>>, ours: (agent: string) => string) => {
    const asked = cases.filter(({ family, user_agent_string: agent }) => family! in names && isPerson(agent!));
    const wrong = asked.filter(({ family, user_agent_string: agent }) => ours(agent!) !== names[family!]);
    return {
      all: asked.length,
      right: asked.length - wrong.length,
      wrong: wrong.map(({ family, user_agent_string: agent }) => `${family} / ${ours(agent!)}: ${agent}`),
    };
  };
  return {
    bots: { all: botAgents.length, found, missed },
    people: { all: peopleAgents.length, called },
    browsers: judge(ofBrowsers, FAMILIES, (agent) => readerOf(agent).browser),
    devices: judge(ofDevices, DEVICES, (agent) => readerOf(agent).device),
  };
}
