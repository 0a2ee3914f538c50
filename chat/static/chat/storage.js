// What outlives a page: the conversation and the language for all tabs, unsent words for this one.
// A browser may refuse storage altogether; then the chat works, and forgets with the page.

const CONVERSATION = "chat.conversation";
const LANGUAGE = "chat.language";
const UNSENT = "chat.unsent";
const DRAFT = "chat.draft";

export const storage = {
  /** {id, token, ws} of the running conversation, or null. */
  get conversation() {
    const value = read("localStorage", CONVERSATION);
    return value?.id && value.token && value.ws ? value : null;
  },
  set conversation(value) {
    write("localStorage", CONVERSATION, value);
  },
  get language() {
    return read("localStorage", LANGUAGE);
  },
  set language(value) {
    write("localStorage", LANGUAGE, value);
  },
  get unsent() {
    const value = read("sessionStorage", UNSENT);
    return Array.isArray(value) ? value : [];
  },
  set unsent(value) {
    write("sessionStorage", UNSENT, value.length ? value : null);
  },
  get draft() {
    return read("sessionStorage", DRAFT) ?? "";
  },
  set draft(value) {
    write("sessionStorage", DRAFT, value || null);
  },

  /** Another tab opened or left a conversation. */
  onConversation(handle) {
    addEventListener("storage", (event) => {
      if (event.key === CONVERSATION || event.key === null) handle(this.conversation);
    });
  },
};

/** Run `work` in one tab at a time, where the browser can; elsewhere at once. */
export function exclusively(work) {
  return navigator.locks ? navigator.locks.request(CONVERSATION, work) : work();
}

function read(area, key) {
  try {
    return JSON.parse(window[area].getItem(key));
  } catch {
    return null; // storage is refused, or holds what this program did not write
  }
}

function write(area, key, value) {
  try {
    if (value === null) window[area].removeItem(key);
    else window[area].setItem(key, JSON.stringify(value));
  } catch {
    // storage is refused or full: see above
  }
}
