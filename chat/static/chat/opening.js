// The one HTTP request: opening a conversation.

const REFUSALS = { 429: "rate_limited", 503: "unavailable" };
const WITHIN = 15_000; // ms

/** The server's clear no, with the error code to tell the visitor. */
export class Refusal extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** A new conversation {id, token, ws}; throws a Refusal, or another Error without a network. */
export async function openConversation(address, language) {
  const response = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ page: location.href.slice(0, 500), language }),
    signal: AbortSignal.timeout(WITHIN),
  });
  if (!response.ok) throw new Refusal(REFUSALS[response.status] ?? "internal");
  return response.json();
}
