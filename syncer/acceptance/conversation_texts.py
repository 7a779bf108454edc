"""What the customers of the tour say: data only, labelled by a person and not by the engine's own rules.

`{n}` becomes a number that makes a text unique, so that each message can be found again wherever it ends.
"""

from __future__ import annotations

#: Questions that an automatic reply answers, a few wordings each (R31). The labels say what they are about.
KEYWORD_TEXTS: dict[str, tuple[str, ...]] = {
    "opening_hours": (
        "請問你們的營業時間？我大概 {n} 分鐘後出發",
        "週末有開嗎？想帶 {n} 個朋友過去",
        "今天開到幾點呢（{n}）",
        "What are your opening hours? My number in the queue is {n}",
        "请问你们几点关门？我在第 {n} 号路口",
    ),
    "shipping": (
        "我的包裹 {n} 多久會到？",
        "訂購 {n} 的運費怎麼算",
        "你好，{n} 出貨了嗎",
        "可以超商取貨嗎？會員 {n}",
        "When will it arrive? Reference {n}",
        "快递单号发我一下，尾号 {n}",
    ),
    "order_status": (
        "想查訂單，訂單編號 A{n}",
        "我的訂單 A{n} 到哪了",
        "Could you check order A{n}? I would like the order status",
        "帮我查一下订单号 A{n}",
    ),
    "invoice": (
        "A{n} 的發票可以打統編嗎",
        "電子發票還沒有收到信，單號 {n}",
        "Please send me the invoice for A{n}",
    ),
    "payment": (
        "已經匯款，帳號後五碼 {n}",
        "A{n} 可以貨到付款嗎？",
        "Can I pay by credit card for A{n}?",
        "支持支付宝吗？单号 {n}",
    ),
    "price": (
        "這款多少錢？型錄第 {n} 頁",
        "想詢價，數量 {n} 盒",
        "How much is item {n}?",
        "编号 {n} 的报价发一份给我",
    ),
    "return_exchange": (
        "A{n} 想退貨，還在七天內",
        "可以換尺寸嗎？訂單 A{n}",
        "I would like to return A{n}, it is unopened",
        "A{n} 怎么退款",
    ),
    "location": (
        "你們門市在哪裡？我在台北 {n} 號公車上",
        "附近有停車的地方嗎，車號 {n}",
        "Where is your store? I am at exit {n}",
    ),
    "thanks": (
        "謝謝你們的幫忙 {n}",
        "Thank you so much! ({n})",
    ),
    "greeting": (
        "哈囉，我是第 {n} 號會員的朋友",
        "Hello from room {n}",
    ),
}

#: Each of these goes to a person, once, within 20 seconds (R32).
COMPLAINT_TEXTS = (
    "我要客訴！A{n} 收到的茶葉罐整個破了",
    "A{n} 等了三個星期都沒收到，太離譜了",
    "你們的服務態度很差，A{n} 的事沒人處理",
    "A{n} 重複扣款，請馬上處理，不然我找消保官",
    "這是第 {n} 次寄錯了，我非常不滿",
    "A{n} 的商品有瑕疵，太失望了",
    "訊息已讀不回，電話打不通，A{n} 到底怎麼回事",
    "This is unacceptable. A{n} arrived broken",
    "I want to make a complaint about A{n}: nobody answers",
    "You charged twice for A{n}, I am furious",
    "我要投诉，A{n} 一直没收到",
    "A{n} 收到的是坏的，质量差",
)

#: Each of these asks for a person; a handoff of its own kind.
PERSON_TEXTS = (
    "可以轉真人客服嗎？編號 {n}",
    "請回電給我，分機 {n}",
    "I want to talk to someone about A{n}",
    "帮我转人工服务，尾号 {n}",
)

#: Whole messages that withdraw consent to promotions (X4), in several languages.
STOP_TEXTS = ("停止", "STOP", "退訂", "取消訂閱", "拒收", "unsubscribe", "停止接收", "退订", "stop.", "請勿再傳")
START_TEXTS = ("訂閱", "START", "恢復訂閱", "subscribe")

#: Conversation that no rule answers. Some look like complaints or stops to a careless reader.
PLAIN_TEXTS = (
    "我明天下午再過去拿，大約 {n} 分",
    "好的，那就先這樣（{n}）",
    "我姓林，電話後三碼 {n}",
    "星期六可以，{n} 點十分左右",
    "剛剛那個是我先生的，不是我的 {n}",
    "今天的夕陽好燦爛，拍了 {n} 張照片",
    "第 {n} 頁的那個，綠色包裝",
    "See you on Saturday at gate {n}",
    "It is for my mother, she is {n}",
    "等一下我找找看，應該在第 {n} 個抽屜",
    "我要 {n} 份，送人的",
    "那我考慮一下再回覆你，代號 {n}",
    "请稍等，我找一下，第 {n} 排",
    "😀 好喔 {n}",
)

#: One customer who keeps writing; after more than six messages a person takes over (R33).
LONG_TEXTS = (
    "我上次在你們那裡買過一罐茶，編號 {n}",
    "就是綠色罐子的那個，標籤是 {n}",
    "我媽媽很喜歡，她住 {n} 號",
    "想再找一樣的，那罐寫著 {n}",
    "不過她說味道要淡一點，像 {n} 那種",
    "罐子底下寫 {n}，不知道有沒有幫助",
    "或是類似 {n} 的也行",
    "我再拍一張 {n} 給你看",
)

#: Titles of buttons that customers press: (text, payload, whether an automatic reply answers).
BUTTONS = (
    ("訂單進度", "ORDER_STATUS", True),
    ("我已付款", "PAID", True),
    ("已收到", "RECEIVED", False),
    ("我會準時到", "CONFIRM", False),
)
