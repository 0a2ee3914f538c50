// A finished reply as DOM nodes. Text only ever becomes text nodes, so no markup in it can run;
// the only attribute set from it is the address of a link, and only http and https are links.

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}#{1,6}\s+(.+?)\s*#*$/;
const RULE = /^ {0,3}([-*_])( *\1){2,}\s*$/;
const QUOTE = /^ {0,3}>\s?/;
const ITEM = /^(\s*)([-*+]|(\d{1,9})[.)])\s+(.*)$/;
const LONGEST = 600; // characters between two marks; keeps every pattern linear enough
const INLINE = new RegExp(
  [
    `(?<ticks>\`{1,3})(?!\`)(?<code>.{0,${LONGEST}}?[^\`])\\k<ticks>(?!\`)`,
    `\\*\\*(?=\\S)(?<bold>.{0,${LONGEST}}?\\S)\\*\\*`,
    `\\*(?=[^\\s*])(?<italic>[^*]{0,${LONGEST}}?[^\\s*])\\*`,
    "\\[(?<label>[^\\[\\]]{1,300})\\]\\((?<href>https?://[^\\s()]{1,1000})\\)",
    "(?<url>https?://[^\\s<>\"'`，。；：！？、）】」]{1,1000})",
    "\\\\(?<escaped>[\\\\`*_{}\\[\\]()#+.!>~-])",
  ].join("|"),
  "s",
);

/** Render paragraphs, lists, quotes, code, bold, italics and links; the rest stays as typed. */
export function renderMarkdown(text) {
  return blocks(text.replaceAll("\r\n", "\n").split("\n"), 0);
}

function blocks(lines, depth) {
  const out = document.createDocumentFragment();
  const rest = [...lines];
  while (rest.length) {
    const line = rest[0];
    if (!line.trim()) rest.shift();
    else if (FENCE.test(line)) out.append(codeBlock(rest));
    else if (HEADING.test(line)) out.append(heading(rest.shift()));
    else if (RULE.test(line)) rest.shift() && out.append(document.createElement("hr"));
    else if (QUOTE.test(line) && depth < 4) out.append(quote(rest, depth));
    else if (ITEM.test(line) && depth < 4) out.append(list(rest, depth));
    else out.append(paragraph(rest));
  }
  return out;
}

function codeBlock(rest) {
  const [, fence] = rest.shift().match(FENCE);
  const end = rest.findIndex((line) => line.trim().startsWith(fence));
  const body = rest.splice(0, end < 0 ? rest.length : end);
  if (end >= 0) rest.shift();
  const pre = element("pre", element("code", body.join("\n")));
  pre.tabIndex = 0; // wide code scrolls sideways, by keyboard too
  return pre;
}

function heading(line) {
  return element("p", element("strong", inline(line.match(HEADING)[1])));
}

function quote(rest, depth) {
  const body = takeWhile(rest, (line) => QUOTE.test(line)).map((line) => line.replace(QUOTE, ""));
  return element("blockquote", blocks(body, depth + 1));
}

function list(rest, depth) {
  const [, indent, , number] = rest[0].match(ITEM);
  const out = document.createElement(number ? "ol" : "ul");
  if (number) out.start = Number(number);
  while (rest.length && isSibling(rest[0], indent, Boolean(number))) {
    const first = rest.shift().match(ITEM)[4];
    const body = takeWhile(rest, (line) => line.trim() && indentOf(line) > indent.length);
    out.append(element("li", inline(first), blocks(body.map(outdent(body)), depth + 1)));
    while (rest.length > 1 && !rest[0].trim() && ITEM.test(rest[1])) rest.shift();
  }
  return out;
}

function isSibling(line, indent, numbered) {
  const item = line.match(ITEM);
  return item && item[1].length <= indent.length && Boolean(item[3]) === numbered;
}

function paragraph(rest) {
  const lines = [rest.shift(), ...takeWhile(rest, continues)];
  const out = document.createElement("p");
  for (const [index, line] of lines.entries()) {
    if (index) out.append(document.createElement("br"));
    out.append(inline(line.trim()));
  }
  return out;
}

function continues(line) {
  return line.trim() && ![FENCE, HEADING, RULE, QUOTE, ITEM].some((start) => start.test(line));
}

function inline(text) {
  const out = document.createDocumentFragment();
  let match;
  while ((match = text.match(INLINE))) {
    out.append(text.slice(0, match.index));
    const [node, length] = inlineNode(match);
    out.append(node);
    text = text.slice(match.index + length);
  }
  out.append(text);
  return out;
}

function inlineNode({ 0: whole, groups }) {
  const { code, bold, italic, label, href, escaped, url } = groups;
  if (code) return [element("code", code.trim() || code), whole.length];
  if (bold) return [element("strong", inline(bold)), whole.length];
  if (italic) return [element("em", inline(italic)), whole.length];
  if (escaped) return [escaped, whole.length];
  if (href) return [link(href, label), whole.length];
  const address = url.replace(/[.,;:!?)\]*_~]+$/, "");
  return [link(address, address), address.length];
}

function link(address, label) {
  const out = element("a", label);
  out.href = address;
  out.rel = "noopener nofollow noreferrer";
  out.target = "_blank";
  return out;
}

function takeWhile(lines, wanted) {
  const end = lines.findIndex((line) => !wanted(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}

function indentOf(line) {
  return line.length - line.trimStart().length;
}

function outdent(lines) {
  const least = Math.min(...lines.map(indentOf));
  return (line) => line.slice(least);
}

function element(name, ...children) {
  const out = document.createElement(name);
  out.append(...children);
  return out;
}
