// The handful of emoji that are one click away. Any other is typed by the system's own keyboard.

export const EMOJI = [
  ["👍", "thumbs up"], ["❤️", "heart"], ["😂", "laughing"], ["🎉", "party"], ["😮", "surprised"], ["😢", "sad"],
  ["🙏", "thanks"], ["🔥", "fire"], ["👀", "looking"], ["✅", "done"], ["❌", "no"], ["💯", "hundred"],
  ["😀", "smile"], ["😊", "happy"], ["😉", "wink"], ["😎", "cool"], ["🤔", "thinking"], ["😅", "phew"],
  ["😭", "crying"], ["😡", "angry"], ["🥳", "celebrating"], ["🤝", "handshake"], ["👏", "clapping"], ["🙌", "hooray"],
  ["👎", "thumbs down"], ["👋", "hello"], ["💪", "strong"], ["🫡", "salute"], ["🎮", "game"], ["🎲", "dice"],
  ["🎵", "music"], ["☕", "coffee"], ["🍺", "beer"], ["🍕", "pizza"], ["🌙", "night"], ["☀️", "sun"],
] as const;
