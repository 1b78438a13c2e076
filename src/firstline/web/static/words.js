/** The only words that do not come from the server: what is said when the server cannot be reached at all. */

const WORDS = {
  en: {
    unavailable: 'The chat cannot be loaded right now. Check your connection, then try again.',
    tryAgain: 'Try again',
  },
  zh: { unavailable: '暂时无法加载聊天。请检查网络连接，然后重试。', tryAgain: '重试' },
  ar: {
    unavailable: 'لا يمكن تحميل المحادثة الآن. تحقّق من اتصالك ثم أعد المحاولة.',
    tryAgain: 'أعد المحاولة',
  },
};

export const FIRST_WORDS = WORDS[navigator.language.split('-')[0]] ?? WORDS.en;
