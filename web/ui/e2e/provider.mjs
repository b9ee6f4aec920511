// A certified OpenID provider for tests: oidc-provider on a free port of this machine. It ends with its standard input.
//
//   node provider.mjs '{"redirect": "http://127.0.0.1:8080/signin/oidc/callback", "accounts": {"ada": {"email": "ada@example.com", "email_verified": true}}}'
//
// It prints its issuer. Whoever signs in names an account; any password will do. PKCE with S256 is demanded. With
// "inToken" the e-mail address stands in the ID token, otherwise only the userinfo endpoint tells it; with "secret" the
// client is a confidential one.

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

/** Takes a port, so that the issuer is known; serve makes it a provider, once it is known where browsers are sent back to. */
export async function openProvider() {
  const server = createServer();
  await new Promise((done, failed) => {
    server.on("error", failed);
    server.listen(0, "127.0.0.1", done);
  });
  server.unref(); // a test that fails before stop ends all the same
  const issuer = `http://127.0.0.1:${server.address().port}`;
  return {
    issuer,
    serve: async (options) => server.on("request", await provider(issuer, options)),
    stop: () => new Promise((done) => (server.closeAllConnections(), server.close(done))),
    keep: () => server.ref(),
  };
}

async function provider(issuer, { redirect, accounts, inToken = false, secret }) {
  console.info = console.warn = () => {}; // it warns that this is no set-up for production, and it is none
  const { default: Provider } = await import("oidc-provider");
  const client = { client_id: "firstline", redirect_uris: [redirect], grant_types: ["authorization_code"], response_types: ["code"] };
  return new Provider(issuer, {
    clients: [secret ? { ...client, client_secret: secret, token_endpoint_auth_method: "client_secret_basic" } : { ...client, token_endpoint_auth_method: "none" }],
    pkce: { required: () => true },
    conformIdTokenClaims: !inToken,
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    findAccount: (_ctx, id) => (accounts[id] ? { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) } : undefined),
    cookies: { keys: ["only for tests"] },
  }).callback();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const p = await openProvider();
  p.keep();
  await p.serve(JSON.parse(process.argv[2]));
  console.log(p.issuer);
  process.stdin.resume().on("end", () => process.exit(0));
}
