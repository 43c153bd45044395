/**
 * Loaded by mocha before a suite of SendGrid's. Each call of the API goes to the stack of this run, with a key of an account that has what
 * the call's path names: the suites write `{api_key_id}` and the like, and their own mock answers whatever they ask for. Here the call
 * is told to the runner first (run.ts), who makes the thing and says its id. No header of theirs is read by anybody.
 */
const chai = require('chai');
const sinon = require('sinon');

chai.should();
chai.use(require('dirty-chai'));
chai.use(require('sinon-chai'));
chai.use(require('chai-as-promised'));
global.expect = chai.expect;
global.sinon = sinon;

const prepare = process.env.SUITE_PREPARE;
let title = '';

exports.mochaHooks = {
  beforeEach() {
    title = this.currentTest.fullTitle();
  },
};

/** Axios as the client has it: each test sets its own key, and with it SendGrid's host. */
const axios = require(require.resolve('axios', { paths: [require.resolve('@sendgrid/client')] }));
axios.interceptors.request.use(async (config) => {
  if (!config.url.startsWith('/v3/') || !prepare) return config;
  const { method, url, params, data } = config;
  const onBehalfOf = config.headers['On-Behalf-Of'];
  const asked = { title, method: (method ?? 'GET').toUpperCase(), url, query: params, body: data, onBehalfOf };
  const response = await fetch(prepare, { method: 'POST', body: JSON.stringify(asked) });
  const { baseURL, path, authorization, body, query, asSubuser } = await response.json();
  config.baseURL = baseURL;
  config.url = path;
  config.params = query;
  config.headers.Authorization = authorization;
  if (!asSubuser) delete config.headers['On-Behalf-Of'];
  // Whoever reads it answers with a failure.
  config.headers['X-Mock'] = '599';
  config.data = body;
  return config;
});
