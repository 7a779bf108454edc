"""The words by which a company's table calls its columns, and those by which it says that somebody is gone.

Chinese (both scripts), English, Japanese, Korean, and some of the languages spoken by customers in the region. A word
of Latin letters must stand alone in the header (`tel` is not in `hotel`); others may be part of a longer word.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum


class Role(Enum):
    """What a column says of its row."""

    MOBILE = "mobile"
    PHONE = "phone"
    #: Yes: does not want to be written to.
    OPTED_OUT = "opted_out"
    #: No: does not want to be written to.
    OPTED_IN = "opted_in"
    #: Yes: nobody is there any more.
    DEAD = "dead"
    #: No: nobody is there any more.
    ALIVE = "alive"
    #: A word for one of these.
    STATUS = "status"
    #: A header, and none of these.
    OTHER = "other"


#: Looked through in this order: `inactive` is no `active`, `fax` no `tel`, and consent to calls is no phone.
_WORDS: dict[Role, str] = {
    Role.OTHER: ("fax 傳真 传真 ファックス 팩스 分機 分机 國碼 国码 區碼 区号 country_code phone_type verified"),
    Role.OPTED_OUT: (
        "拒收 拒絕 拒绝 拒接 退訂 退订 取消訂閱 取消订阅 黑名單 黑名单 封鎖 勿擾 不寄 配信停止 受信拒否 "
        "수신거부 blacklist blacklisted blocked unsubscribe unsubscribed optout optedout opt_out opted_out "
        "do_not_contact do_not_call do_not_disturb dnc suppressed no_marketing baja desuscrito"
    ),
    Role.OPTED_IN: (
        "同意 接受 訂閱 订阅 願意 愿意 許可 配信希望 수신동의 optin optedin opt_in opted_in subscribe "
        "subscribed subscriber consent consented accepts accept permission newsletter marketing_ok gdpr"
    ),
    Role.DEAD: (
        "空號 空号 停話 停机 停用 失效 無效 无效 註銷 注销 死亡 已故 刪除 删除 退会 inactive dead deactivated "
        "disabled disconnected deceased invalid deleted churned closed"
    ),
    Role.ALIVE: ("有效 啟用 启用 在用 active enabled valid alive"),
    Role.MOBILE: (
        "手機 手机 行動 移动电话 移動電話 手提 携帯 ケータイ 휴대폰 휴대전화 핸드폰 di_động มือถือ mobile "
        "mobiles mobilephone mobileno mobilenumber cell cellphone cellular handphone hp whatsapp "
        "whatsappnumber wa wa_id whatsappid handy celular móvil movil portable ponsel mobiltelefon"
    ),
    Role.PHONE: (
        "電話 电话 聯絡方式 联系方式 連絡先 전화 연락처 điện_thoại โทรศัพท์ โทร phone phones phoneno "
        "phonenumber phone1 phone2 tel tel1 tel2 telephone telno telefon telefono teléfono telefone téléphone "
        "telepon telp msisdn contactnumber contactno contact_number contact_no"
    ),
    Role.STATUS: ("狀態 状态 状況 상태 status state"),
}
_ANY_HEADER = (
    "姓名 名字 名稱 名称 客戶 客户 會員 会员 編號 编号 地址 住所 氏名 名前 生日 性別 性别 備註 备注 公司 信箱 "
    "郵件 邮箱 城市 標籤 이름 name names firstname lastname first last id no email mail e-mail address city "
    "company birthday gender tags notes note remark customer customerid member memberid country region date "
    "created updated nombre nama"
)
_GONE = (
    "空號 空号 停話 停话 停机 停用 暫停使用 註銷 已註銷 注销 已注销 失效 無效 无效 死亡 已故 歿 已歿 已刪除 "
    "已删除 退会 inactive dead deactivated disabled disconnected deceased deleted invalid terminated churned "
    "closed unreachable"
)
_BREAKS = re.compile(r"[^0-9a-zà-ɏḁ-ỹ]+")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def plain(text: str) -> str:
    """To compare by: compatible signs, lower case, words parted by one space."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("_", " ").casefold().split())


def _known(words: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Words that must stand alone, and those that may be part of another."""
    spelt = [plain(word) for word in words.split()]
    alone = frozenset(word for word in spelt if not _BREAKS.search(word.replace(" ", "")))
    return alone, tuple(word for word in spelt if word not in alone)


_ROLES = {role: _known(words) for role, words in _WORDS.items()}
_HEADERS = _known(_ANY_HEADER)
_GONE_WORDS = frozenset(plain(word) for word in _GONE.split())


def _names(header: str, words: tuple[frozenset[str], tuple[str, ...]]) -> bool:
    alone, inside = words
    padded = f" {' '.join(_BREAKS.sub(' ', header).split())} "
    return any(f" {word} " in padded for word in alone) or any(word in header for word in inside)


def role(header: str) -> Role | None:
    """What a column with this header says; None where the header tells nothing."""
    text = f"{plain(header)} {plain(_HUMPS.sub(' ', header))}"
    found = next((known for known, words in _ROLES.items() if _names(text, words)), None)
    return found or (Role.OTHER if _names(text, _HEADERS) else None)


def says_gone(word: str) -> bool:
    """Whether a word in a column about a customer's state means that nobody is there."""
    return plain(word) in _GONE_WORDS
