/**
 * SendGrid's operations that are not built, each with the reason. The list only shrinks: whoever builds one deletes its line, and adds what
 * it needs to examples.ts. A test refuses a line of what is built, and whatever is neither here nor a route.
 */
export const NOT_BUILT: Readonly<Record<string, string>> = {
  // alerts
  'POST /v3/alerts': 'no alerts yet: the operator has the alarms of CloudWatch',
  'GET /v3/alerts': 'no alerts yet: the operator has the alarms of CloudWatch',
  'GET /v3/alerts/{alert_id}': 'no alerts yet: the operator has the alarms of CloudWatch',
  'DELETE /v3/alerts/{alert_id}': 'no alerts yet: the operator has the alarms of CloudWatch',
  'PATCH /v3/alerts/{alert_id}': 'no alerts yet: the operator has the alarms of CloudWatch',
  // domain_authentication
  'POST /v3/whitelabel/dns/email': 'domains are made by the command line so far (domains add)',
  'GET /v3/whitelabel/domains': 'domains are made by the command line so far (domains add)',
  'POST /v3/whitelabel/domains': 'domains are made by the command line so far (domains add)',
  'GET /v3/whitelabel/domains/{domain_id}': 'domains are made by the command line so far (domains add)',
  'PATCH /v3/whitelabel/domains/{domain_id}': 'domains are made by the command line so far (domains add)',
  'DELETE /v3/whitelabel/domains/{domain_id}': 'domains are made by the command line so far (domains add)',
  'POST /v3/whitelabel/domains/{domain_id}/subuser': 'domains are made by the command line so far (domains add)',
  'DELETE /v3/whitelabel/domains/{domain_id}/subuser': 'domains are made by the command line so far (domains add)',
  'POST /v3/whitelabel/domains/{domain_id}/subuser:add': 'domains are made by the command line so far (domains add)',
  'POST /v3/whitelabel/domains/{id}/ips': 'domains are made by the command line so far (domains add)',
  'DELETE /v3/whitelabel/domains/{id}/ips/{ip}': 'domains are made by the command line so far (domains add)',
  'POST /v3/whitelabel/domains/{id}/validate': 'domains are made by the command line so far (domains add)',
  'GET /v3/whitelabel/domains/default': 'domains are made by the command line so far (domains add)',
  'GET /v3/whitelabel/domains/subuser': 'domains are made by the command line so far (domains add)',
  'DELETE /v3/whitelabel/domains/subuser': 'domains are made by the command line so far (domains add)',
  'GET /v3/whitelabel/domains/subuser/all': 'domains are made by the command line so far (domains add)',
  // email_activity
  'GET /v3/messages': 'single messages alone can be asked for so far, not searched',
  'POST /v3/messages/download': 'single messages alone can be asked for so far, not searched',
  'GET /v3/messages/download/{download_uuid}': 'single messages alone can be asked for so far, not searched',
  // email_validation
  'POST /v3/validations/email': 'no verdict on addresses yet',
  'PUT /v3/validations/email/jobs': 'no verdict on addresses yet',
  'GET /v3/validations/email/jobs': 'no verdict on addresses yet',
  'GET /v3/validations/email/jobs/{job_id}': 'no verdict on addresses yet',
  // ip_address_management
  'GET /v3/send_ips/ips': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/send_ips/ips': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/send_ips/ips/{ip}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'PATCH /v3/send_ips/ips/{ip}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/send_ips/ips/{ip}/subusers': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/send_ips/ips/{ip}/subusers:batchAdd':
    'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/send_ips/ips/{ip}/subusers:batchDelete':
    'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/send_ips/pools': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/send_ips/pools': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/send_ips/pools/{poolid}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'PUT /v3/send_ips/pools/{poolid}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'DELETE /v3/send_ips/pools/{poolid}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/send_ips/pools/{poolid}/ips': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/send_ips/pools/{poolid}/ips:batchAdd':
    'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/send_ips/pools/{poolid}/ips:batchDelete':
    'source addresses are settings of the stack so far (pennypost.config.ts)',
  // ip_warmup
  'POST /v3/ips/warmup': 'warm-up is a setting of the stack so far (warmUpFrom)',
  'GET /v3/ips/warmup': 'warm-up is a setting of the stack so far (warmUpFrom)',
  'GET /v3/ips/warmup/{ip_address}': 'warm-up is a setting of the stack so far (warmUpFrom)',
  'DELETE /v3/ips/warmup/{ip_address}': 'warm-up is a setting of the stack so far (warmUpFrom)',
  // ips
  'POST /v3/ips': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/ips': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/ips/{ip_address}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/ips/assigned': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/ips/pools': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/ips/pools': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/ips/pools/{pool_name}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'PUT /v3/ips/pools/{pool_name}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'DELETE /v3/ips/pools/{pool_name}': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'POST /v3/ips/pools/{pool_name}/ips': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  'DELETE /v3/ips/pools/{pool_name}/ips/{ip}':
    'source addresses are settings of the stack so far (pennypost.config.ts)',
  'GET /v3/ips/remaining': 'source addresses are settings of the stack so far (pennypost.config.ts)',
  // link_branding
  'POST /v3/whitelabel/links': 'no branded links over the API yet',
  'GET /v3/whitelabel/links': 'no branded links over the API yet',
  'GET /v3/whitelabel/links/{id}': 'no branded links over the API yet',
  'PATCH /v3/whitelabel/links/{id}': 'no branded links over the API yet',
  'DELETE /v3/whitelabel/links/{id}': 'no branded links over the API yet',
  'POST /v3/whitelabel/links/{id}/validate': 'no branded links over the API yet',
  'POST /v3/whitelabel/links/{link_id}/subuser': 'no branded links over the API yet',
  'GET /v3/whitelabel/links/default': 'no branded links over the API yet',
  'GET /v3/whitelabel/links/subuser': 'no branded links over the API yet',
  'DELETE /v3/whitelabel/links/subuser': 'no branded links over the API yet',
  // logs
  'GET /v3/logs/{sg_message_id}': 'single messages alone can be asked for so far, not searched',
  'POST /v3/logs': 'single messages alone can be asked for so far, not searched',
  // mail_settings
  'GET /v3/mail_settings': 'settings of the command line so far, or not there yet',
  'PATCH /v3/mail_settings/footer': 'settings of the command line so far, or not there yet',
  'GET /v3/mail_settings/footer': 'settings of the command line so far, or not there yet',
  'PATCH /v3/mail_settings/forward_bounce': 'settings of the command line so far, or not there yet',
  'GET /v3/mail_settings/forward_bounce': 'settings of the command line so far, or not there yet',
  'PATCH /v3/mail_settings/forward_spam': 'settings of the command line so far, or not there yet',
  'GET /v3/mail_settings/forward_spam': 'settings of the command line so far, or not there yet',
  'PATCH /v3/mail_settings/template': 'settings of the command line so far, or not there yet',
  'GET /v3/mail_settings/template': 'settings of the command line so far, or not there yet',
  // mail
  'POST /v3/mail/batch': 'send_at is there; batches of scheduled mail are not yet',
  'GET /v3/mail/batch/{batch_id}': 'send_at is there; batches of scheduled mail are not yet',
  // recipients_data_erasure
  'POST /v3/recipients/erasejob': 'no erasure over the API yet',
  // reverse_dns
  'POST /v3/whitelabel/ips': 'PTR records are AWS’s business so far (docs/deploying.md)',
  'GET /v3/whitelabel/ips': 'PTR records are AWS’s business so far (docs/deploying.md)',
  'GET /v3/whitelabel/ips/{id}': 'PTR records are AWS’s business so far (docs/deploying.md)',
  'DELETE /v3/whitelabel/ips/{id}': 'PTR records are AWS’s business so far (docs/deploying.md)',
  'POST /v3/whitelabel/ips/{id}/validate': 'PTR records are AWS’s business so far (docs/deploying.md)',
  // scheduled_sends
  'POST /v3/user/scheduled_sends': 'send_at is there; pausing and cancelling a batch are not yet',
  'GET /v3/user/scheduled_sends': 'send_at is there; pausing and cancelling a batch are not yet',
  'GET /v3/user/scheduled_sends/{batch_id}': 'send_at is there; pausing and cancelling a batch are not yet',
  'PATCH /v3/user/scheduled_sends/{batch_id}': 'send_at is there; pausing and cancelling a batch are not yet',
  'DELETE /v3/user/scheduled_sends/{batch_id}': 'send_at is there; pausing and cancelling a batch are not yet',
  // seq
  'GET /v3/engagementquality/scores': 'no engagement scores yet',
  'GET /v3/engagementquality/subusers/scores': 'no engagement scores yet',
  // templates
  'POST /v3/templates': 'no templates yet',
  'GET /v3/templates': 'no templates yet',
  'POST /v3/templates/{template_id}': 'no templates yet',
  'GET /v3/templates/{template_id}': 'no templates yet',
  'PATCH /v3/templates/{template_id}': 'no templates yet',
  'DELETE /v3/templates/{template_id}': 'no templates yet',
  'POST /v3/templates/{template_id}/versions': 'no templates yet',
  'GET /v3/templates/{template_id}/versions/{version_id}': 'no templates yet',
  'PATCH /v3/templates/{template_id}/versions/{version_id}': 'no templates yet',
  'DELETE /v3/templates/{template_id}/versions/{version_id}': 'no templates yet',
  'POST /v3/templates/{template_id}/versions/{version_id}/activate': 'no templates yet',
  // tracking_settings
  'GET /v3/tracking_settings': 'no settings of tracking over the API yet',
  'GET /v3/tracking_settings/click': 'no settings of tracking over the API yet',
  'PATCH /v3/tracking_settings/click': 'no settings of tracking over the API yet',
  'GET /v3/tracking_settings/google_analytics': 'no settings of tracking over the API yet',
  'PATCH /v3/tracking_settings/google_analytics': 'no settings of tracking over the API yet',
  'GET /v3/tracking_settings/open': 'no settings of tracking over the API yet',
  'PATCH /v3/tracking_settings/open': 'no settings of tracking over the API yet',
  'GET /v3/tracking_settings/subscription': 'no settings of tracking over the API yet',
  'PATCH /v3/tracking_settings/subscription': 'no settings of tracking over the API yet',
  // verified_senders
  'POST /v3/verified_senders': 'whole domains alone may send so far',
  'GET /v3/verified_senders': 'whole domains alone may send so far',
  'PATCH /v3/verified_senders/{id}': 'whole domains alone may send so far',
  'DELETE /v3/verified_senders/{id}': 'whole domains alone may send so far',
  'GET /v3/verified_senders/domains': 'whole domains alone may send so far',
  'POST /v3/verified_senders/resend/{id}': 'whole domains alone may send so far',
  'GET /v3/verified_senders/steps_completed': 'whole domains alone may send so far',
  'GET /v3/verified_senders/verify/{token}': 'whole domains alone may send so far',
  // webhooks
  'POST /v3/user/webhooks/security/policies': 'webhooks are signed one by one; there are no policies shared by several',
  'GET /v3/user/webhooks/security/policies': 'webhooks are signed one by one; there are no policies shared by several',
  'PATCH /v3/user/webhooks/security/policies/{id}':
    'webhooks are signed one by one; there are no policies shared by several',
  'GET /v3/user/webhooks/security/policies/{id}':
    'webhooks are signed one by one; there are no policies shared by several',
  'DELETE /v3/user/webhooks/security/policies/{id}':
    'webhooks are signed one by one; there are no policies shared by several',
};
