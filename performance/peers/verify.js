// The verification of nginx.conf in njs.
import crypto from 'crypto';

const SECRET = '@SECRET@';

function forwardIf(request, isRight) {
  if (isRight) {
    request.internalRedirect('@forward');
  } else {
    request.return(401);
  }
}

function hubspot(request) {
  const headers = request.headersIn;
  const mac = crypto.createHmac('sha256', SECRET);
  mac.update(request.method + 'https://hooks.example.com' + request.variables.request_uri);
  mac.update(request.requestBuffer || '');
  mac.update(headers['X-HubSpot-Request-Timestamp'] || '');
  forwardIf(request, mac.digest('base64') === headers['X-HubSpot-Signature-v3']);
}

function twenty(request) {
  const headers = request.headersIn;
  const mac = crypto.createHmac('sha256', SECRET);
  mac.update((headers['X-Twenty-Webhook-Timestamp'] || '') + ':');
  mac.update(request.requestBuffer || '');
  forwardIf(request, mac.digest('hex') === headers['X-Twenty-Webhook-Signature']);
}

export default { hubspot, twenty };
