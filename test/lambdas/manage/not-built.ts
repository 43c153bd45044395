/**
 * SendGrid's operations that are not built, each with the reason. The list only shrinks: whoever builds one deletes its line, and adds what
 * it needs to examples/. A test refuses a line of what is built, and whatever is neither here nor a route. Routes that are there and refuse everybody are on another list (`REFUSED`, examples/).
 */
export const NOT_BUILT: Readonly<Record<string, string>> = {
  'PUT /v3/validations/email/jobs': 'addresses are judged one by one, 600 a minute; there are no files of them yet',
  'GET /v3/validations/email/jobs': 'addresses are judged one by one, 600 a minute; there are no files of them yet',
  'GET /v3/validations/email/jobs/{job_id}':
    'addresses are judged one by one, 600 a minute; there are no files of them yet',
  'POST /v3/send_ips/ips/{ip}/subusers:batchAdd':
    'a subuser’s addresses are one list: PUT /v3/subusers/{name}/ips sets it',
  'POST /v3/send_ips/ips/{ip}/subusers:batchDelete':
    'a subuser’s addresses are one list: PUT /v3/subusers/{name}/ips sets it',
  'POST /v3/user/webhooks/security/policies': 'webhooks are signed one by one; there are no policies shared by several',
  'GET /v3/user/webhooks/security/policies': 'webhooks are signed one by one; there are no policies shared by several',
  'PATCH /v3/user/webhooks/security/policies/{id}':
    'webhooks are signed one by one; there are no policies shared by several',
  'GET /v3/user/webhooks/security/policies/{id}':
    'webhooks are signed one by one; there are no policies shared by several',
  'DELETE /v3/user/webhooks/security/policies/{id}':
    'webhooks are signed one by one; there are no policies shared by several',
};
