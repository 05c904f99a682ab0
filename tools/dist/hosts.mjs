// What a host must send along, for hosts that read it from a file and for those that are told.

/** The content security policy; as a header it also says that any page may hold a frame. */
export const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self' https:",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const always = {
  'Access-Control-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': `${POLICY}; frame-ancestors *`,
};
const YEAR = 'public, max-age=31536000, immutable';

const lines = (headers) => Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`).join('\n');

/** Cloudflare Pages, Netlify and others read this one. */
const headers = `/*
${lines(always)}
  Cache-Control: no-cache
/*.wasm
  Content-Type: application/wasm
/app-*
  ! Cache-Control
  Cache-Control: ${YEAR}
/rest-*
  ! Cache-Control
  Cache-Control: ${YEAR}
`;

const nginx = `# Switchyard under https://example.org/switchyard/ with nginx. No X-Frame-Options: frames on other sites are wanted.
location /switchyard/ {
    alias /srv/switchyard/;
    types {
        text/html html; text/css css; text/javascript js; application/wasm wasm; application/json json;
        image/svg+xml svg; font/woff2 woff2; application/manifest+json webmanifest; application/zip zip;
    }
    charset utf-8;
    gzip on;
    gzip_types text/css text/javascript application/wasm application/json image/svg+xml;
${Object.entries(always).map(([name, value]) => `    add_header ${name} "${value}";`).join('\n')}
    # Files with a hash in their name never change. (add_header replaces the list above where it stands again.)
    location ~ "-[0-9a-f]{16}(_bg)?\\.(js|wasm|css|svg)$" {
${Object.entries(always).map(([name, value]) => `        add_header ${name} "${value}";`).join('\n')}
        add_header Cache-Control "${YEAR}";
    }
}
`;

/** The files, by name. */
export const hostExamples = { _headers: headers, 'nginx.conf.example': nginx };
