/** Route 53's client against servers that answer as it does (Route 53 API Reference, ChangeResourceRecordSets, GetChange). */
import { Route53Client } from '@aws-sdk/client-route-53';
import { afterEach, expect, test } from 'vitest';
import { txtRecordIn } from '../../io/route53.ts';
import { type Listening, listen, readBody } from '../../local/http.ts';

let listening: Listening;
afterEach(() => listening.stop());

/** @param statuses what the change is at each look, the first when it is made */
async function given(statuses: string[]) {
  const asked: string[] = [];
  const bodies: string[] = [];
  listening = await listen(
    async (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      bodies.push(String(await readBody(request, 10_000)));
      const status = statuses.length > 1 ? statuses.shift() : statuses[0];
      const change = `<ChangeInfo><Id>/change/C1</Id><Status>${status}</Status><SubmittedAt>2026-11-25T00:00:00Z</SubmittedAt></ChangeInfo>`;
      const name = request.method === 'GET' ? 'GetChangeResponse' : 'ChangeResourceRecordSetsResponse';
      response.writeHead(200, { 'content-type': 'text/xml' }).end(`<${name}>${change}</${name}>`);
    },
    0,
    'Route 53',
  );
  const client = new Route53Client({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${listening.port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  return { record: txtRecordIn(client, 'Z1', '_acme-challenge.smtp.example.com', 1), asked, bodies };
}

test('a record is written whole, and waited for until every name server has it', async () => {
  // Prepare
  const { record, asked, bodies } = await given(['PENDING', 'PENDING', 'INSYNC']);

  // Act
  await record.publish(['one', 'two']);

  // Assess
  expect(asked.map((one) => one.replace(/\/$/, ''))).toEqual([
    'POST /2013-04-01/hostedzone/Z1/rrset',
    'GET /2013-04-01/change/C1',
    'GET /2013-04-01/change/C1',
  ]);
  expect(bodies[0]).toContain('<Action>UPSERT</Action>');
  expect(bodies[0]).toContain('<Name>_acme-challenge.smtp.example.com</Name><Type>TXT</Type><TTL>60</TTL>');
  expect(bodies[0]!.match(/<Value>(&quot;|")(one|two)(&quot;|")<\/Value>/g)).toHaveLength(2);
});

test('it is taken away as it was written; and nothing is, when nothing was', async () => {
  const { record, asked, bodies } = await given(['INSYNC']);
  await record.withdraw();
  expect(asked).toEqual([]);
  await record.publish(['one']);
  await record.withdraw();
  await record.withdraw();
  expect(asked).toHaveLength(2);
  expect(bodies[1]).toBe(bodies[0]!.replace('UPSERT', 'DELETE'));
});

test('a change that never arrives is given up, with the name', async () => {
  const { record } = await given(['PENDING']);
  await expect(record.publish(['one'])).rejects.toThrow(
    'Route 53 has not published _acme-challenge.smtp.example.com after',
  );
});
