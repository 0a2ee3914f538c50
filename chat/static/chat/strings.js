// Every word of the interface, in both languages. A value is a text, or a function of its facts.

const en = {
  code: "en",
  switchTo: "中文",
  switchLabel: "切换到中文",
  title: ({ bot }) => `Chat with ${bot}`,
  skip: "Skip to the message box",
  conversation: "Conversation",
  noteBot: "Support assistant",
  noteWaiting: "Waiting for a person",
  noteHuman: "With a person from our team",
  noteClosed: "Chat ended",
  newChat: "New chat",
  endChat: "End chat",
  newQuestion: "Start a new chat?",
  newExplained: "This conversation ends, and a new one begins.",
  endQuestion: "End this chat?",
  endExplained: "You can write again later to reopen it.",
  cancel: "Cancel",
  you: "You",
  ai: "AI",
  agent: "Team",
  agentSays: "A person from our team",
  writing: ({ bot }) => `${bot} is writing`,
  agentWriting: "Somebody from our team is writing",
  placeholder: "Write a message…",
  placeholderClosed: "Write a message to reopen the chat…",
  send: "Send",
  stop: "Stop",
  stopLabel: "Stop the reply",
  retry: "Try again",
  sendAgain: "Send again",
  discard: "Discard",
  sending: "Sending…",
  waitingForLine: "Goes out when the connection is back",
  stopped: "You stopped this reply.",
  interrupted: "The reply was cut off.",
  failed: "The reply failed.",
  reconnecting: "Connection lost. Reconnecting…",
  reconnectingMore: "What you write meanwhile is sent when it is back.",
  off: "The chat is switched off for now. Please come back later.",
  forgotten: "Your earlier chat has expired, so this is a new one.",
  loading: "The assistant is just starting up; the first reply takes a moment longer.",
  lineWaiting: "You are waiting for a person from our team.",
  lineHuman: "You are now with a person from our team.",
  lineBot: "The assistant is back with you.",
  lineClosed: "This chat has ended. Write again to reopen it.",
  jump: "Newest messages",
  disclaimer: ({ bot }) =>
    `${bot} is an AI and can be wrong. Please don't share passwords or card numbers.`,
  left: ({ count }) => `${count} left`,
  over: ({ count }) => `${count} too many`,
  today: "Today",
  yesterday: "Yesterday",
  Positive: "Positive",
  Neutral: "Neutral",
  Negative: "Negative",
  starters: ["Where is my order?", "I would like a refund", "How do I change my address?"],
  errors: {
    too_long: ({ max }) => `That is too long: a message has at most ${max} characters.`,
    rate_limited: "That was a lot in one minute. Please wait a moment, then send it again.",
    busy: "Several messages still wait for a reply. Please send this one a little later.",
    unavailable: "The chat is switched off for now, so this was not sent.",
    bad_frame: "This message could not be sent as it is.",
    internal: "Something went wrong on our side. Please try again.",
  },
};

const zh = {
  code: "zh-CN",
  switchTo: "English",
  switchLabel: "Switch to English",
  title: ({ bot }) => `与 ${bot} 聊天`,
  skip: "跳到输入框",
  conversation: "对话",
  noteBot: "客服助手",
  noteWaiting: "正在等待人工客服",
  noteHuman: "人工客服正在为您服务",
  noteClosed: "对话已结束",
  newChat: "新对话",
  endChat: "结束对话",
  newQuestion: "开始新的对话？",
  newExplained: "当前对话将结束，并开始一个新的对话。",
  endQuestion: "结束这次对话？",
  endExplained: "之后再写消息即可重新打开。",
  cancel: "取消",
  you: "您",
  ai: "AI",
  agent: "人工",
  agentSays: "人工客服",
  writing: ({ bot }) => `${bot} 正在输入`,
  agentWriting: "人工客服正在输入",
  placeholder: "请输入消息…",
  placeholderClosed: "输入消息即可重新打开对话…",
  send: "发送",
  stop: "停止",
  stopLabel: "停止回复",
  retry: "重试",
  sendAgain: "重新发送",
  discard: "丢弃",
  sending: "正在发送…",
  waitingForLine: "连接恢复后自动发送",
  stopped: "您已停止这条回复。",
  interrupted: "回复被中断。",
  failed: "回复失败。",
  reconnecting: "连接已断开，正在重新连接…",
  reconnectingMore: "您现在写的内容会在恢复后发送。",
  off: "聊天暂时关闭，请稍后再来。",
  forgotten: "之前的对话已过期，这是一个新的对话。",
  loading: "助手正在启动，第一条回复会稍慢一些。",
  lineWaiting: "您正在等待人工客服。",
  lineHuman: "现在由人工客服为您服务。",
  lineBot: "助手继续为您服务。",
  lineClosed: "对话已结束。再写一条消息即可重新打开。",
  jump: "最新消息",
  disclaimer: ({ bot }) => `${bot} 是 AI，可能会出错。请勿发送密码或银行卡号。`,
  left: ({ count }) => `还可输入 ${count} 字`,
  over: ({ count }) => `超出 ${count} 字`,
  today: "今天",
  yesterday: "昨天",
  Positive: "积极",
  Neutral: "中性",
  Negative: "消极",
  starters: ["我的订单在哪里？", "我想申请退款", "怎么修改收货地址？"],
  errors: {
    too_long: ({ max }) => `内容太长：每条消息最多 ${max} 个字符。`,
    rate_limited: "一分钟内消息太多，请稍等片刻再发送。",
    busy: "还有几条消息在等待回复，请稍后再发送这一条。",
    unavailable: "聊天暂时关闭，这条消息没有发送。",
    bad_frame: "这条消息无法发送。",
    internal: "我们这边出了点问题，请再试一次。",
  },
};

const TABLES = { en, zh };

/** "en" or "zh": the first of the wanted languages that there are words for. */
export function pickLanguage(wanted) {
  return wanted.map(languageOf).find((language) => language in TABLES) ?? "en";
}

/** "zh" of "zh-Hant-TW". */
export function languageOf(tag) {
  return tag.split("-")[0].toLowerCase();
}

/** `words(name, facts)` gives one text of the language; an unknown name gives itself. */
export function wordsOf(language) {
  const table = TABLES[language];
  return (name, facts = {}) => {
    const [group, key] = name.split(".");
    const value = key ? table[group]?.[key] : table[name];
    return typeof value === "function" ? value(facts) : (value ?? name);
  };
}
