package dev.outlast.activities.detect;

import dev.outlast.activities.process.PlainText;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What an agent's own error message means, whatever its exact words are. Only for texts from error
 * channels: an agent that writes about limits uses the same words. A pure function; never throws.
 */
public final class ErrorWording {

  /** The longest text that is looked at, in characters; the rest is ignored. */
  public static final int MAX_TEXT = 4_000;

  /** A rate limit that ends within this is a throttle, not a usage limit. */
  public static final Duration SHORT = Duration.ofMinutes(5);

  /** What a message says. */
  public enum Meaning {
    /** A usage limit, said clearly. */
    LIMIT,
    /** It looks like a usage limit, in words that no rule knows. */
    PERHAPS_LIMIT,
    /** A short rate limit or an overloaded service. */
    THROTTLE,
    AUTH,
    BILLING,
    /** Paid credit or a spend cap is used up, and nothing says that it returns. */
    CREDIT,
    /** The cap that was set for this invocation alone is used up; the account has more. */
    BUDGET,
    PLAN,
    CONTEXT,
    REFUSED,
    SESSION_UNKNOWN,
    MAX_TURNS,
    CONFIG,
    /** Nothing of the above; a crash, a lost network, a server's error. */
    OTHER
  }

  /**
   * A message, understood.
   *
   * @param scope of the limit; null if it is none
   * @param reset of the limit; null if it is none or names no time
   */
  public record Reading(Meaning meaning, LimitScope scope, ResetTime reset) {}

  private static final String VERB =
      "(?:hit|reach(?:ed|es)?|exceed(?:ed|s|ing)?|exhaust(?:ed|s)?|used (?:up|all)|using up|out of|r[au]n(?:ning)? out|maxed"
          + "|deplet(?:ed|es)|consumed|over (?:your|the|its)|is up|spent|insufficient|100 ?%"
          + "|went over|gone over|surpass(?:ed)?|drained|burned through)";
  private static final String NOUN =
      "(?:limit(?:s|ed)?|quotas?|caps?|allowances?|allocations?|allotments?|usage|credits?|budget|balance|funds|capacity|entitlement)";
  private static final Pattern USED_UP =
      Pattern.compile(
          "\\b"
              + VERB
              + "(?![a-z])[^\\n]{0,80}?\\b"
              + NOUN
              + "\\b|\\b"
              + NOUN
              + "\\b[^\\n]{0,60}?\\b"
              + VERB
              + "(?![a-z])|\\b(?:0|zero) (?:[a-z]+ ){0,2}(?:requests|messages|prompts|credits) (?:left|remaining)\\b"
              + "|\\bno (?:more |remaining |further )?"
              + NOUN
              + "\\b|\\bused (?:up|all)(?: of)? your (?:[a-z]+ ){0,3}(?:session|week|day|messages|requests|prompts)\\b"
              + "|\\b(?:0|not enough|do(?:n't| not) have (?:any|enough)) (?:more |remaining |usage )?(?:credits?|quota|balance|funds|allowance|usage)\\b"
              + "|\\b(?:no|out of) (?:more )?(?:messages|requests|prompts)\\b(?! (?:found|selected|match))"
              + "|\\b(?:allowance|quota|limit)s? (?:has|have) been used\\b"
              + "|(?<!\\d)0 ?% (?:of [^\\n]{1,40} )?(?:remaining|left)\\b"
              + "|\\bwindow is (?:full|used up|closed|exhausted|spent|over)\\b"
              + "|\\b(?:you|account|access|usage|plan) (?:is|are|has been|have been|was) (?:currently |temporarily )?(?:rate[ -])?limited\\b"
              + "|\\b(?:session|weekly|daily|global|model) rate[ -]limited\\b"
              + "|\\btoo many (?:tokens|requests) per (?:day|week|month)\\b");

  private static final String WINDOW_NAME =
      "(?:session|(?:\\d+|five)[ -]?hours?|5h|daily|weekly|opus|sonnet|haiku|fable)";

  /** Words between the name of a window and its limit, none of which names another limit. */
  private static final String BETWEEN =
      "(?: (?!(?:turn|token|context|size|time|output|input)s?\\b)[a-z0-9.-]+){0,3}";

  /** A window of an allowance is named and used up: whatever else is said is advice. */
  private static final Pattern NAMED_USED_UP =
      Pattern.compile(
          "\\b(?:hit|reached|exceeded|exhausted|used up) (?:your|the) "
              + WINDOW_NAME
              + BETWEEN
              + " (?:limits?|quotas?|allowances?)\\b|\\b"
              + WINDOW_NAME
              + BETWEEN
              + " (?:limit|quota|allowance) (?:has been |is |was )?(?:reached|hit|exceeded|exhausted)\\b"
              + "|\\b(?:global|"
              + WINDOW_NAME
              + ") rate[ -]limited\\b");

  /** The same without a verb: "Opus limit resets 5am". */
  private static final Pattern NAMED_RETURNS =
      Pattern.compile(
          "\\b"
              + WINDOW_NAME
              + "(?: weekly)? (?:limit|window|allowance) (?:resets|renews|refills)\\b");

  /** Limits of quite another kind. */
  private static final Pattern OTHER_LIMIT =
      Pattern.compile(
          "\\b(?:context|size|time|memory|heap|disk|storage|depth|recursion|nesting|length|token|turns?|iterations?|image|page|payload|"
              + "characters?|line|output|retry|retries|concurrency|connections?|descriptors?|files?|file descriptor|upload|stack|thread|"
              + "history|tools?|worktrees?|items?|blocks?|sub-?agents?)"
              + "s? (?:size )?(?:limits?|quotas?|caps?|budget)\\b|output tokens?\\b|\\bmax tokens|no space left"
              + "|\\b(?:system|process) limit\\b|file watchers|too many open files|cannot create more"
              + "|\\blimit (?:of |is )?\\d[\\d,.]* ?(?:images?|pages?|files?|bytes|characters|ms|[kmg]i?b)\\b"
              + "|\\bexceed(?:s|ed)? (?:the )?max(?:imum)?(?: allowed| permitted)? (?:tokens?|size|length|bytes|characters|lines)\\b"
              + "|\\btoo large\\b|\\bat most \\d|\\btoo many (?:active|open|running|parallel)\\b");

  /** Nothing is known of a limit, as the question for it has failed. */
  private static final Pattern NOT_KNOWN =
      Pattern.compile(
          "\\b(?:failed|unable|could not|couldn't|cannot|can't) (?:to )?"
              + "(?:fetch|verify|load|check|get|read|retrieve|determine)\\b|\\busage unknown\\b");

  /** What another program says of itself, which the agent only passes on. */
  private static final Pattern OF_ANOTHER_PROGRAM =
      Pattern.compile(
          "^\\W*(?:error: )?(?:(?:required )?mcp (?:clients?|servers?)|(?:[a-z]+ )?hook (?:blocked|failed|stopped|error))\\b");

  private static final Pattern WARNING =
      Pattern.compile(
          "\\b(?:approaching|close to|nearing|almost|now using|nearly)\\b|\\bused (?!100)\\d{1,2} ?%|\\b(?!100|0 ?%)\\d{1,2} ?% (?:of|used)");
  private static final Pattern HARD =
      Pattern.compile("\\b(?:hit|reached|exceeded|exhausted|out of|used up|ran out)\\b");

  private static final Pattern RETURNS =
      Pattern.compile(
          "\\b(?:resets?|try(?:ing)? again|again (?:at|in|later|on)|later|wait|retry (?:at|in|after)|renews?|come back|until|available)\\b");
  private static final Pattern LOOSE_NOUN =
      Pattern.compile(
          "\\b(?:limits?|quotas?|allowances?|allocations?|allotments?|usage|caps?|exhausted|cooldown)\\b");

  /** With a time at which it ends: the agent may not go on, whatever that is called. */
  private static final Pattern STANDSTILL =
      Pattern.compile("\\b(?:used up|paused|on hold|suspended|locked out)\\b");

  /** No busy service names a time as far away as this. */
  private static final Duration LONG = Duration.ofHours(1);

  private static final Pattern URL = Pattern.compile("https?://[^\\s)\\]}>\"']+");

  /** A code in small letters. Possessive, as a long one would else be too deep for the stack. */
  private static final Pattern CODE =
      Pattern.compile("(?<![\\w./\\\\-])[a-z]++(?:_[a-z]++)++(?![\\w/\\\\-]|\\.\\w)");

  /** Google sends to its limits, not to a bill, in the words that others have for a bill. */
  private static final String GOOGLE_LIMITS = "ai.google.dev";

  private static final String PLAN_AND_BILLING = "please check your plan and billing details";

  private static final Pattern SESSION_UNKNOWN =
      Pattern.compile(
          "\\bno (?:saved |such |previous )?(?:sessions?|conversation|rollout|thread|task)\\b[^\\n]{0,60}\\b(?:found|matched|exists?)\\b|"
              + "\\b(?:session|conversation|thread)\\b[^\\n]{0,80}\\b(?:not found|does not exist|doesn't exist|is unknown|cannot be found)\\b|"
              + "\\b(?:unknown|no such|invalid) (?:session|conversation|thread)\\b|"
              + "\\b(?:not match any|matches no) (?:session|conversation|thread)\\b");
  private static final Pattern REFUSED =
      Pattern.compile(
          "(?:usage|acceptable use|content) policy|violat\\w+ (?:our|the)\\b|unable to respond to this request|\\brefusal\\b|\\bprohibited content\\b|\\bsafety filters?\\b|"
              + "\\b(?:model|claude|safety) (?:has )?(?:declined|refused)\\b|flagged (?:as|by|for|this message)\\b|"
              + "\\bclaude can't help with this\\b");
  private static final Pattern NOT_THE_LIMIT =
      Pattern.compile(
          "not your (?:usage|plan|account)|(?:server|service|api)\\b[^\\n]{0,20} temporarily limit(?:ing|ed)|not (?:a|an) usage limit");
  private static final Pattern CONTEXT =
      Pattern.compile(
          "prompt is too long|context (?:window|length|limit)|maximum context|input (?:is )?too long|too many (?:total |input )?tokens\\b(?!(?: per|,? please wait| processed)\\b)|"
              + "token count\\b[^\\n]{0,60}\\bexceeds|maximum number of (?:input )?tokens|"
              + "request (?:is )?too large|conversation (?:is )?too long");

  /** So many in a time: a rate, which the length of a conversation has not. */
  private static final Pattern PER_TIME =
      Pattern.compile("\\b(?:per|each|a)[ -](?:second|minute|hour|day)\\b");

  private static final Pattern AUTH =
      Pattern.compile(
          "(?:failed|unable) to authenticate|authentication[ _](?:failed|error|required)|no authentication\\b|no api[- _]?key\\b|log ?in required|set an auth method|(?:incorrect|wrong) api[- _]?key|invalid (?:api[- _]?key|x-api-key|bearer|auth|credential|token)|"
              + "not logged in|(?:run|use) /?login|please log ?in|log ?in again|sign in|oauth token|unauthori[sz]ed|\\b401\\b|"
              + "api[- _]key[^\\n]{0,30}(?:invalid|missing|expired|not valid|required)|credentials?[^\\n]{0,20}(?:invalid|expired|missing)|"
              + "token[^\\n]{0,20}(?:expired|revoked)|organi[sz]ation has (?:been )?disabled|(?:refresh|renew) your login|permission[_ ](?:denied|error)|\\b403\\b");
  private static final Pattern BILLING =
      Pattern.compile(
          "credit balance|billing(?! (?:cycle|period|month|date))|payment|insufficient quota|past due|invoice|subscription (?:has )?(?:expired|lapsed|ended)");
  private static final Pattern PLAN =
      Pattern.compile(
          "\\b(?:plan|seat|subscription|tier|license)\\b[^\\n.]{0,60}(?:\\bnot\\b|n't\\b)[^\\n.]{0,40}(?:includ|support|access|available|allow|have)|"
              + "disabled (?:by|for) your|\\bpolicy (?:has disabled|to be enabled)|\\bupgrade (?:to [a-z+ ]{1,20} )?to (?:use|access|unlock)\\b|unavailable in your|set to \\$0|"
              + "only (?:available|included) (?:on|in|with|for|to)\\b[^\\n]{0,30}\\b(?:plan|subscri)|"
              + "\\b(?:needs?|requires?) an? [a-z+ ]{0,20}\\b(?:plan|subscription)\\b|"
              + "not (?:yet )?(?:available|included|enabled) (?:in|on|with|for) (?:your|this (?:plan|subscription)|the [^\\n.]{1,30} plan)|"
              + "\\brequires? (?:usage credits|extra usage)\\b|(?:usage credits|extra usage) (?:is |are )?required|"
              + "\\bto use\\b[^\\n]{0,60}\\bwith your\\b[^\\n]{0,40}\\b(?:plan|upgrade)\\b");
  private static final Pattern PAID =
      Pattern.compile(
          "\\b402\\b|\\bcredits?\\b|\\bspend(?:ing)?\\b|\\bbudget\\b|\\bpremium requests?\\b|\\bprepaid\\b|\\bfunds\\b|\\bextra usage\\b|\\bout of usage\\b|\\bmonthly usage\\b|"
              + "\\badmin(?:istrator)?\\b|pay-as-you-go|\\boverage\\b|\\bbalance\\b|workspace owner|raise it");

  /** What a message offers for sale is not what is used up. */
  private static final Pattern OFFER =
      Pattern.compile(
          "\\b(?:purchase|buy|add|get|top up|turn on|enable|switch to|use|using)\\b(?: \\w+){0,2}? (?:credits?|extra usage|overage)\\b"
              + "|\\badd funds\\b(?: to continue(?: (?:with|on|using) (?:credits?|extra usage|overage))?)?");

  private static final Pattern NO_QUOTA =
      Pattern.compile("(?i)\\bquota exceeded\\b[^\\n]{0,300}\\blimit:\\s*+0(?![\\d.])");

  private static final Pattern MAX_TURNS =
      Pattern.compile("\\bmax(?:imum)?[ -]?(?:number of |session )?turns|\\bturn limit");
  private static final Pattern OWN_BUDGET =
      Pattern.compile(
          "\\bmax(?:imum)?[ -]budget\\b|\\bbudget (?:for|of) (?:this|the) (?:run|invocation|task|session)\\b|\\b--max-budget");
  private static final Pattern PAYMENT_REQUIRED = Pattern.compile("\\b402\\b");

  /** What a service limits by the second or minute as well as by the day. */
  private static final Pattern QUOTA = Pattern.compile("\\b(?:quota|capacity|resource)\\b");

  private static final Pattern THROTTLED =
      Pattern.compile("throttl|\\bresource (?:has been |is )?exhausted\\b");
  private static final Pattern RATE =
      Pattern.compile(
          "rate[ _-]?limit(?!er)|too many requests|too many tokens,? please wait|\\b429\\b|(?:requests?|tokens?)(?: per | ?/ ?)(?:second|minute|min\\b)|per[ -]minute|throttl|retried \\d+ times");

  /** A count that starts anew within the minute, whatever else the message names. */
  private static final Pattern MINUTELY =
      Pattern.compile(
          "per[ _-]?(?:minute|second)|(?:requests?|tokens?)(?: per | ?/ ?)(?:second|minute|min\\b)|\\b[rt]pm\\b");

  private static final Pattern YOURS_RETURNS =
      Pattern.compile("\\byour (?:[a-z]+ )?limit to reset");
  private static final Pattern BUSY =
      Pattern.compile(
          "overloaded|\\b529\\b|\\b503\\b|at capacity|no capacity|high demand|service unavailable|temporarily|concurren(?:t|cy)");
  private static final Pattern CONFIG =
      Pattern.compile(
          "(?:unknown|unrecogni[sz]ed|unexpected|invalid) (?:option|argument|flag|command)|"
              + "\\bmodels?\\b(?! metadata)[^\\n]{0,80}(?:not exist|not found|not have access|not supported|is invalid)|not found error|command not found|"
              + "\\b(?:error|failed|unable)\\b[^\\n]{0,20}\\b(?:load|pars|read)[a-z]* [^\\n]{0,20}\\b(?:config|configuration|settings)\\b|not inside a trusted directory|"
              + "error: option|too many arguments|cannot be used with root");
  private static final Pattern WINDOW =
      Pattern.compile(
          "\\b(?:session(?! (?:file|history|transcript|id|log)\\b)|(?:5|five)[ -]?hours?|5h|\\d+[ -]hours?|hourly|daily|weekly|monthly|week|usage|plan|premium|subscription|allowance|seven[ -]day|7[ -]day)\\b|perday");

  private static final Pattern NAMED_WINDOW =
      Pattern.compile(
          "\\byour ([a-z0-9-]+(?: [a-z0-9-]+)?) (?:limit|window|quota|usage|allowance)s? (?:will )?(?:resets?|renews?)\\b");
  private static final Pattern HIT_WINDOW =
      Pattern.compile(
          "\\b(?:hit|reached|exceeded|exhausted) (?:your|the) ([a-z0-9 .-]{1,40}?) (?:limit|quota|usage|allowance)"
              + "|^(?:[^\\n.]{0,20}\\W)?("
              + WINDOW_NAME
              + ") (?:usage )?(?:limit|quota) (?:reached|hit|exceeded)");
  private static final Pattern SESSION =
      Pattern.compile("\\b(?:session|(?:5|five)[ -]?hours?|5h|\\d+[ -]hours?|hourly)\\b");
  private static final Pattern WEEKLY =
      Pattern.compile("\\b(?:weekly|week|7[ -]days?|seven[ -]days?)\\b");
  private static final Pattern DAILY =
      Pattern.compile("\\b(?:daily|per[ -]day|24[ -]hours?|today)\\b|perday");

  /** So many a day, also where each model has its own count. */
  private static final Pattern PER_DAY = Pattern.compile("\\bper[ -]day\\b|requestsperday");

  private static final Pattern KNOWN_MODEL =
      Pattern.compile(
          "\\b(?:opus|sonnet|haiku|fable)\\b[^\\n]{0,20}\\b(?:limit|quota|usage|allowance|cap)\\b|\\b(?:limit|quota)(?: (?:reached|exceeded|hit))? for (?:all )?(?:claude )?"
              + "(?:opus|sonnet|haiku|fable|pro|flash|o\\d|[a-z][a-z0-9.]*-[a-z0-9.-]*\\d)");
  private static final Pattern THIS_MODEL =
      Pattern.compile(
          "\\b(?:limits?|quota|capacity|allowance|usage|requests)\\b[^\\n.]{0,20}\\b(?:for|on|of|with) (?:this|the|that) model\\b"
              + "|\\bmodel(?:'s)? (?:usage |rate |rate[ -])?(?:limit|quota)|\\bper model\\b"
              + "|\\bswitch to another model\\b");
  private static final Pattern CAPITALISED =
      Pattern.compile(
          "\\byour ([A-Z][A-Za-z]+(?: \\d[\\d.]*)?) (?:(?:weekly|daily) )?(?:limit|quota|usage)\\b");
  private static final Pattern NO_MODEL =
      Pattern.compile(
          "(?i)enterprise|api|premium|free|standard|business|education|session|weekly|daily|hourly|monthly|usage|plan|claude|codex|copilot|gemini|github|chatgpt|openai|pro|max|team|org|organization|account|rate|spending|spend|5");
  private static final Pattern CREDIT =
      Pattern.compile(
          "\\bextra usage\\b|\\bpremium requests?\\b|\\bcredits?\\b|\\bspend(?:ing)?\\b|\\bbudget\\b|\\boverage\\b");
  private static final Pattern GLOBAL =
      Pattern.compile("\\b(?:global|all models|everything|organi[sz]ation-wide)\\b");

  /** A line of a stack trace, or one that is a path. */
  private static final Pattern TRACE =
      Pattern.compile(
          "^\\s*(?:at \\S+[ (]|File \"|Traceback\\b|\\.{0,2}/\\S+$|[\\w./-]+\\.[A-Za-z]{1,5}:\\d+)");

  private static final int MAX_PREFIXES = 6;

  /** What a program puts before its message: bullets, a tag, a time, or "name of an error: ". */
  private static final Pattern PREFIX =
      Pattern.compile(
          "[\\s>*✗✘×❌⚠\ufe0f•|∙·-]++|\\[[^\\]\\n]{1,40}+\\]|\\d{4}-\\d\\d-\\d\\d[t ]?[\\d:.,+z-]*+"
              + "|\\d{1,2}:\\d\\d:\\d\\d[.,\\d]*+|[\\[(]|(?:error|failed|failure|fatal)\\b[^:\"'`]{0,60}+:\\s*+|(?:error|fatal|warn(?:ing)?)\\s++"
              + "|[^\\s:\"'`]{1,40}+(?: [^\\s:\"'`]{1,40}+){0,3}+:\\s*+");

  /** How long to wait, which does not name the window: "try again in 58 hours". */
  private static final Pattern TIME_TO_WAIT =
      Pattern.compile(
          "(?i)\\b(?:in|after|another|within|wait)\\s+(?:(?:,|and|\\s){0,4}\\d{1,6}(?:\\.\\d{1,6})?\\s?"
              + "(?:weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|[wdhms])\\b){1,6}");

  /** Prefixes of lines that are not the agent's own error. */
  private static final Pattern NOT_OWN =
      Pattern.compile(
          "\\b(?:mcp|prompt|user|human|assistant|input|task|debug|info|trace|hint|tool|hook|todo|diff|says?|prints?|shows?|reads?|readme|docs|example)\\b");

  /** What an error that names a limit begins with: at most a few words, none of a narrator's. */
  private static final Pattern SUBJECT =
      Pattern.compile(
          "(?:(?!(?:i|we|i'\\w+|we'\\w+|if|when|that|says?|about|fix|handles?|whether|docs|add|added)\\b)[^\\s\"`]*[^\\s\"`']\\s+){0,5}[\\w-]*");

  private ErrorWording() {}

  /**
   * Understands a message.
   *
   * @param now when it was read
   * @param zone in which it means local times, where it names no zone itself
   */
  public static Reading read(String text, Instant now, ZoneId zone) {
    String plain = normal(text);
    Optional<ResetTime> reset = ResetReader.read(plain, now, zone);
    Meaning meaning = meaning(plain, reset, now);
    return meaning == Meaning.LIMIT || meaning == Meaning.PERHAPS_LIMIT
        ? new Reading(meaning, scope(plain), reset.orElse(null))
        : new Reading(meaning, null, null);
  }

  /**
   * Understands a line of plain text, which may also be another program's or a piece of prose. A
   * limit counts only if the line begins with it, apart from a short prefix such as "Error:", and
   * says it clearly. A line of a stack trace means nothing.
   */
  public static Reading readLine(String line, Instant now, ZoneId zone) {
    Reading reading = read(line, now, zone);
    boolean doubtful =
        reading.meaning() == Meaning.PERHAPS_LIMIT
            || (reading.meaning() == Meaning.LIMIT && !beginsWithLimit(line));
    return has(TRACE, line) || doubtful ? new Reading(Meaning.OTHER, null, null) : reading;
  }

  /** Whether a message says of itself that it is about no usage limit. */
  public static boolean deniesLimit(String text) {
    return has(NOT_THE_LIMIT, words(normal(text)));
  }

  private static boolean beginsWithLimit(String line) {
    String t = words(normal(line));
    int start =
        Stream.of(USED_UP, NAMED_RETURNS, RATE)
            .map(pattern -> pattern.matcher(t))
            .filter(Matcher::find)
            .mapToInt(Matcher::start)
            .min()
            .orElse(-1);
    if (start < 0) {
      return false;
    }
    String lead = t.substring(0, start);
    Matcher prefix = PREFIX.matcher(lead);
    int subject = 0;
    for (int i = 0; i < MAX_PREFIXES && prefix.region(subject, start).lookingAt(); i++) {
      subject = prefix.end();
    }
    return !has(NOT_OWN, lead.substring(0, subject))
        && SUBJECT.matcher(lead.substring(subject)).matches();
  }

  private static String normal(String text) {
    return PlainText.head(PlainText.clean(text), MAX_TEXT).replace('\u2019', '\'');
  }

  /**
   * The words that a text is understood by: in lower case, codes such as {@code
   * usage_limit_reached} taken apart, without addresses, whose words say nothing.
   */
  private static String words(String plain) {
    String spoken = URL.matcher(plain).replaceAll("").toLowerCase(Locale.ROOT);
    if (plain.contains(GOOGLE_LIMITS)) {
      spoken = spoken.replace(PLAN_AND_BILLING, "");
    }
    return CODE.matcher(spoken).replaceAll(code -> code.group().replace('_', ' '));
  }

  private static Meaning meaning(String plain, Optional<ResetTime> reset, Instant now) {
    String t = words(plain);
    if (has(SESSION_UNKNOWN, t)) {
      return Meaning.SESSION_UNKNOWN;
    }
    if (has(OF_ANOTHER_PROGRAM, t)) {
      return Meaning.OTHER;
    }
    if (has(MAX_TURNS, t)) {
      return Meaning.MAX_TURNS;
    }
    if (has(OWN_BUDGET, t)) {
      return Meaning.BUDGET;
    }
    if (has(NOT_THE_LIMIT, t)) {
      return Meaning.THROTTLE;
    }
    boolean warning = has(WARNING, t) && !has(HARD, t);
    boolean window = has(WINDOW, t);
    boolean usedUp =
        has(USED_UP, t) && !warning && (!has(OTHER_LIMIT, t) || window || has(DAILY, t));
    boolean rate = has(RATE, t) && !window && !has(YOURS_RETURNS, t);
    boolean soon =
        reset.isPresent() && Duration.between(now, reset.get().latest()).abs().compareTo(SHORT) < 0;
    boolean minutely = has(MINUTELY, t) && !has(DAILY, t);
    if (minutely && (reset.isEmpty() || soon)) {
      return Meaning.THROTTLE;
    }
    if (usedUp && reset.isPresent()) {
      boolean shared = rate || (has(QUOTA, t) && !window && !has(DAILY, t));
      return shared && soon ? Meaning.THROTTLE : Meaning.LIMIT;
    }
    if (usedUp && (has(NAMED_USED_UP, t) || newModel(plain))) {
      return Meaning.LIMIT;
    }
    if (has(NAMED_RETURNS, t) && !warning && reset.isPresent()) {
      return Meaning.LIMIT;
    }
    if (has(THROTTLED, t) && !usedUp) {
      return Meaning.THROTTLE;
    }
    if (has(REFUSED, t)) {
      return Meaning.REFUSED;
    }
    if (has(CONTEXT, t) && !has(PER_TIME, t)) {
      return Meaning.CONTEXT;
    }
    if (has(AUTH, t)) {
      return Meaning.AUTH;
    }
    if (has(PLAN, t)) {
      return Meaning.PLAN;
    }
    if (usedUp && has(PAID, withoutOffers(t)) && !has(BILLING, t)) {
      boolean returns = has(RETURNS, t) || window(t) != LimitScope.UNKNOWN;
      return returns ? Meaning.LIMIT : Meaning.CREDIT;
    }
    if (has(BILLING, t) || has(PAYMENT_REQUIRED, t)) {
      return Meaning.BILLING;
    }
    if (has(RATE, t) && reset.isPresent() && !soon) {
      return Meaning.LIMIT;
    }
    boolean loose = has(LOOSE_NOUN, t) && !warning && !has(OTHER_LIMIT, t) && !has(NOT_KNOWN, t);
    boolean far =
        reset.isPresent() && Duration.between(now, reset.get().earliest()).compareTo(LONG) > 0;
    boolean ofTheDay = usedUp && has(DAILY, t);
    if ((rate && !ofTheDay) || (has(BUSY, t) && !(usedUp && window) && !(loose && far))) {
      return Meaning.THROTTLE;
    }
    if (usedUp) {
      return Meaning.LIMIT;
    }
    if (has(CONFIG, t)) {
      return Meaning.CONFIG;
    }
    boolean paused = has(STANDSTILL, t) && far;
    return paused || (loose && (reset.isPresent() || has(RETURNS, t)))
        ? Meaning.PERHAPS_LIMIT
        : Meaning.OTHER;
  }

  /**
   * Whether a refusal names an allowance of nothing, as Google does ("limit: 0"): the plan does not
   * have the model, and no wait brings it.
   */
  public static boolean allowsNothing(String text) {
    return has(NO_QUOTA, text);
  }

  /** The scope that a text or a single word names; {@link LimitScope#UNKNOWN} if none. */
  public static LimitScope scope(String text) {
    // Words of a code, such as five_hour, are words too.
    String words = PlainText.head(text, MAX_TEXT).replace('_', ' ');
    String plain = TIME_TO_WAIT.matcher(words).replaceAll("");
    String t = plain.toLowerCase(Locale.ROOT);
    Matcher named = NAMED_WINDOW.matcher(t);
    if (named.find()) {
      LimitScope window = window(named.group(1));
      if (window != LimitScope.UNKNOWN) {
        return window;
      }
    }
    for (LimitScope scope : LimitScope.values()) {
      if (t.strip().equals(scope.word())) {
        return scope;
      }
    }
    if (t.strip().equals("day")) {
      return LimitScope.DAILY;
    }
    if (has(PER_DAY, t)) {
      return LimitScope.DAILY;
    }
    if (has(KNOWN_MODEL, t) || newModel(plain)) {
      return LimitScope.MODEL;
    }
    Matcher hit = HIT_WINDOW.matcher(t);
    if (hit.find()) {
      LimitScope window = window(hit.group(1) == null ? hit.group(2) : hit.group(1));
      if (window != LimitScope.UNKNOWN) {
        return window;
      }
    }
    if (has(THIS_MODEL, t)) {
      return LimitScope.MODEL;
    }
    if (has(CREDIT, withoutOffers(t))) {
      return LimitScope.CREDIT;
    }
    LimitScope window = window(t);
    return window == LimitScope.UNKNOWN && has(GLOBAL, t) ? LimitScope.GLOBAL : window;
  }

  private static LimitScope window(String t) {
    if (has(WEEKLY, t)) {
      return LimitScope.WEEKLY;
    }
    if (has(DAILY, t)) {
      return LimitScope.DAILY;
    }
    return has(SESSION, t) ? LimitScope.SESSION : LimitScope.UNKNOWN;
  }

  /** A name that we do not know, where model names stand: "You've hit your Fable limit". */
  private static boolean newModel(String text) {
    Matcher name = CAPITALISED.matcher(text);
    return name.find() && !NO_MODEL.matcher(name.group(1).split(" ", 2)[0]).matches();
  }

  private static String withoutOffers(String t) {
    return OFFER.matcher(t).replaceAll("");
  }

  private static boolean has(Pattern pattern, String text) {
    return pattern.matcher(text).find();
  }
}
