JSON='Content-Type: application/json'
pick() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }
TOKEN=$(curl -s "$API/api/auth/login" -H "$JSON" -d "$LOGIN" | pick '["data"]["token"]')
AUTH="Authorization: Bearer $TOKEN"
SETUP=$(curl -s -X POST "$API/api/payments/$SLUG/payment-method" -H "$AUTH" |
  pick '["data"]["clientSecret"]')
# What Stripe.js does in the browser with the card that somebody typed:
CARD=$(curl -s "$SANDBOX/v1/setup_intents/${SETUP%%_secret_*}/confirm" -u "$PK:" \
  -d client_secret="$SETUP" -d payment_method=pm_card_visa | pick '["payment_method"]')
curl -s "$API/api/payments/$SLUG/payment-method/confirm" -H "$AUTH" -H "$JSON" \
  -d '{"setupIntentId": "'"${SETUP%%_secret_*}"'", "paymentMethodId": "'"$CARD"'"}'; echo
curl -s "$API/api/payments/workspace/$SLUG/upgrade-plan" -H "$AUTH" -H "$JSON" \
  -d '{"planSlug": "starter"}'; echo
INVOICE=$(curl -s "$API/api/payments/$SLUG/invoices" -H "$AUTH" | pick '["data"][0]["id"]')
curl -s "$API/api/payments/$SLUG/invoices/$INVOICE/download" -H "$AUTH" -o invoice.pdf
ls -l invoice.pdf
