// One version of stripe-node against a sandbox: `node drive.cjs MODULES URL VERSION`, a line per check.
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const http = require("node:http");
const path = require("node:path");

const [modules, url, version] = process.argv.slice(2);
const loaded = require(path.join(modules, "node_modules", "stripe"));
const Stripe = loaded.default ?? loaded;
const { hostname, port } = new URL(url);
const key = `sk_test_${crypto.randomUUID().replaceAll("-", "")}`;
const options = { host: hostname, port, protocol: "http", maxNetworkRetries: 2 };
const stripe = new Stripe(key, options);

async function control(name, body) {
  const answer = await fetch(`${url}/_sandbox/${name}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200);
}

const interrupt = (action, target, more = {}) =>
  control("faults", { match: { method: "POST", path: target }, action, ...more });

async function collect(list) {
  const found = [];
  for await (const each of list) found.push(each.id);
  return found;
}

async function raised(type, promise) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.type, type);
    return error;
  }
  assert.fail(`${type} was not raised`);
}

const checks = {
  async paging() {
    const made = [];
    for (let n = 0; n < 7; n++) made.push((await stripe.customers.create({ name: `${n}` })).id);
    assert.deepEqual(await collect(stripe.customers.list({ limit: 3 })), [...made].reverse());
    const older = await stripe.customers.list({ limit: 2, starting_after: made[3] });
    assert.deepEqual(older.data.map((each) => each.id), [made[2], made[1]]);
    const newer = await stripe.customers.list({ limit: 2, ending_before: made[3] });
    assert.deepEqual(newer.data.map((each) => each.id), [made[5], made[4]]);
    assert.ok(older.has_more && newer.has_more);
  },

  async expand() {
    const customer = await stripe.customers.create({ email: "a@shop.example" });
    const intent = await stripe.paymentIntents.create({
      amount: 1000,
      currency: "usd",
      customer: customer.id,
      payment_method: "pm_card_visa",
      confirm: true,
      off_session: true,
      expand: ["latest_charge.balance_transaction", "customer"],
    });
    assert.equal(intent.customer.email, "a@shop.example");
    assert.equal(intent.latest_charge.balance_transaction.amount, 1000);
    const listed = await stripe.paymentIntents.list({ limit: 1, expand: ["data.payment_method"] });
    assert.equal(listed.data[0].payment_method.card.last4, "4242");
    const wrong = stripe.customers.retrieve(customer.id, { expand: ["x"] });
    assert.match((await raised("StripeInvalidRequestError", wrong)).message, /cannot be expanded/);
  },

  async booleans() {
    const product = await stripe.products.create({ name: "Plan", active: false });
    assert.equal(product.active, false);
    assert.equal((await stripe.products.update(product.id, { active: true })).active, true);
    await stripe.prices.create({ product: product.id, currency: "usd", unit_amount: 500 });
    assert.equal((await stripe.prices.list({ active: true })).data.length, 1);
  },

  async idempotency() {
    const once = { idempotencyKey: crypto.randomUUID() };
    const first = await stripe.customers.create({ name: "A" }, once);
    const again = await stripe.customers.create({ name: "A" }, once);
    assert.equal(again.id, first.id);
    assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");
    await raised("StripeIdempotencyError", stripe.customers.create({ name: "B" }, once));
  },

  async errors() {
    const none = await raised("StripeInvalidRequestError", stripe.customers.retrieve("cus_none"));
    assert.deepEqual([none.statusCode, none.code], [404, "resource_missing"]);
    assert.match(none.requestId, /^req_/);
    const odd = await raised("StripeInvalidRequestError", stripe.customers.create({ nonsense: 1 }));
    assert.deepEqual([odd.code, odd.param], ["parameter_unknown", "nonsense"]);
    const declined = await raised(
      "StripeCardError",
      stripe.paymentIntents.create({
        amount: 1000,
        currency: "usd",
        payment_method: "pm_card_visa_chargeDeclinedInsufficientFunds",
        confirm: true,
      }),
    );
    assert.deepEqual([declined.statusCode, declined.code], [402, "card_declined"]);
    assert.equal(declined.decline_code, "insufficient_funds");
    assert.equal(declined.payment_intent.status, "requires_payment_method");
    const stranger = new Stripe("sk_test_short", options);
    await raised("StripeAuthenticationError", stranger.customers.list());
    const limit = { type: "invalid_request_error", code: "rate_limit" };
    await interrupt("error", "/v1/customers", { status: 429, error: limit });
    await raised("StripeRateLimitError", stripe.customers.create({}));
    await control("faults", {
      match: {},
      action: "status",
      status: 403,
      error: { type: "invalid_request_error" },
    });
    await raised("StripePermissionError", stripe.balance.retrieve());
  },

  async retries() {
    await stripe.customers.create({ name: "before" });
    for (const action of ["drop_before", "drop_after", "status"]) {
      await interrupt(action, "/v1/customers");
      await stripe.customers.create({ name: action });
      const found = (await stripe.customers.list({ limit: 2 })).data;
      assert.equal(found[0].name, action);
      assert.notEqual(found[1].name, action);
    }
  },

  async signatures() {
    let server;
    const arrived = new Promise((resolve) => {
      server = http.createServer((request, response) => {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => {
          response.end();
          resolve([Buffer.concat(parts), request.headers["stripe-signature"]]);
        });
      });
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = await stripe.webhookEndpoints.create({
      url: `http://127.0.0.1:${server.address().port}/hook`,
      enabled_events: ["customer.created"],
    });
    const customer = await stripe.customers.create({ name: "told" });
    const [body, signature] = await arrived;
    const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
    assert.deepEqual([event.type, event.data.object.id], ["customer.created", customer.id]);
    const wrong = [
      [Buffer.concat([body, Buffer.from(" ")]), endpoint.secret],
      [body, "whsec_other"],
    ];
    for (const [payload, secret] of wrong)
      assert.throws(() => stripe.webhooks.constructEvent(payload, signature, secret), {
        type: "StripeSignatureVerificationError",
      });
    server.closeAllConnections();
    server.close();
  },

  async search() {
    const email = "found@shop.example";
    const customer = await stripe.customers.create({ email, metadata: { order: "1" } });
    const intent = await stripe.paymentIntents.create({
      amount: 700,
      currency: "usd",
      customer: customer.id,
      metadata: { order: "1" },
    });
    const result = await stripe.paymentIntents.search({ query: "metadata['order']:'1'", limit: 5 });
    assert.deepEqual(result.data.map((each) => each.id), [intent.id]);
    const joined = stripe.paymentIntents.search({ query: "amount>600 AND amount<800" });
    assert.deepEqual(await collect(joined), [intent.id]);
    const people = await stripe.customers.search({ query: `email:'${email}'` });
    assert.deepEqual(people.data.map((each) => each.id), [customer.id]);
    const nonsense = stripe.paymentIntents.search({ query: "nonsense" });
    await raised("StripeInvalidRequestError", nonsense);
  },
};

async function main() {
  const manifest = path.join(modules, "node_modules", "stripe", "package.json");
  assert.equal(require(manifest).version, version);
  for (const [name, check] of Object.entries(checks)) {
    await check();
    console.log(`ok ${name}`);
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
