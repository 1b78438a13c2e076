"""Traditional Chinese letters as simplified ones: those of this package's words alone, Cantonese ones included."""

_SIMPLE = str.maketrans(
    "轉個讓說談講話電給幫請換領導經負責員務機專聯繫誰這嗎們麼時間費過來還問無處對實會聽線連為點幾題傾搵係嘅唔"
    "類業組維護師請聲總監關門單帳賬號碼誒號歡應該認識難煩謝開車張條買賣動腦軟體覆復應圖樣況場長後裡裏邊頭條標準簡"
    "繼續見觀現當從戶險賠貨訂單輛輸運退懂麻專變幹嘛別叫喚呼區級進選擇確讀寫結讚棒爛廢兩萬億國語",
    "转个让说谈讲话电给帮请换领导经负责员务机专联系谁这吗们么时间费过来还问无处对实会听线连为点几题谈找是的不"
    "类业组维护师请声总监关门单账账号码诶号欢应该认识难烦谢开车张条买卖动脑软体复复应图样况场长后里里边头条标准简"
    "继续见观现当从户险赔货订单辆输运退懂麻专变干嘛别叫唤呼区级进选择确读写结赞棒烂废两万亿国语",
)


def to_simplified(text: str) -> str:
    return text.translate(_SIMPLE)
