"""How the offline model tells each tool's result: Jinja over the result's keys, as Markdown, en and zh.

Figures and days stand exactly as in the result. Lists keep their line breaks whether or not the environment
trims blocks: no newline that matters follows a `%}` directly. Data; imported by `tools` only.
"""

QUOTE = {
    "en": (
        "Here is your quote: insuring the **{{ vehicle }}** for {{ '{:,}'.format(mileage) }} miles a year, with the "
        "youngest driver"
        " aged {{ driver_age }}, would cost **${{ monthly_premium_usd }} a month**.\n\n"
        "The quote number is {{ quote_number }}, and the price is valid until {{ valid_until }}. It "
        "is a quote, not a"
        " contract.\n\nWould you like to change something, such as the mileage, or shall I tell you "
        "about discounts?"
    ),
    "zh": (
        "您的报价如下：**{{ vehicle }}**，每年行驶 {{ '{:,}'.format(mileage) }} 英里，"
        "最年轻驾驶人 {{ driver_age }} 岁，保费为**每月 ${{ monthly_premium_usd }}**（美元）。\n\n"
        "报价编号为 {{ quote_number }}，有效期至 {{ valid_until }}。这是报价，不是合同。\n\n"
        "您想修改某一项（例如里程），还是了解可以享受的折扣？"
    ),
}

POLICIES = {
    "en": (
        "{% if policies %}Here is what you have with us:\n\n"
        "{% for policy in policies -%}\n"
        "- **{{ policy.policy_number }}**: {{ policy.vehicle }}, ${{ policy.monthly_premium_usd }} a "
        "month, "
        "{% if policy.status == 'active' %}active, current term until {{ policy.covered_until }}"
        "{% elif policy.status == 'ending' %}cancelled, still covered until {{ policy.covered_until }}"
        "{% else %}cancelled, cover ended on {{ policy.covered_until }}{% endif %}.\n"
        "{% endfor %}\n\n"
        "Shall I open one of them, or look at the invoices?"
        "{% else %}I can't find a policy in your name. If you expected one, a colleague can check it "
        "at 1-800-123-4567;"
        " or I can work out a quote for you.{% endif %}"
    ),
    "zh": (
        "{% if policies %}您在我们这里的保单如下：\n\n"
        "{% for policy in policies -%}\n"
        "- **{{ policy.policy_number }}**：{{ policy.vehicle }}，每月 ${{ policy.monthly_premium_usd }}，"
        "{% if policy.status == 'active' %}有效，本期至 {{ policy.covered_until }}"
        "{% elif policy.status == 'ending' %}已取消，保障至 {{ policy.covered_until }}"
        "{% else %}已取消，保障已于 {{ policy.covered_until }} 终止{% endif %}。\n"
        "{% endfor %}\n\n"
        "需要我查看其中一份的详情，还是查看账单？"
        "{% else %}没有找到您名下的保单。如果您认为应该有，同事可以通过 1-800-123-4567 为您核实；"
        "我也可以为您计算一份报价。{% endif %}"
    ),
}

POLICY = {
    "en": (
        "Policy **{{ policy_number }}** insures your {{ vehicle }} "
        "({% if status == 'active' %}active{% elif status == 'ending' %}cancelled, covered until {{ "
        "covered_until }}"
        "{% else %}cancelled, ended on {{ covered_until }}{% endif %}).\n\n"
        "- Premium: ${{ monthly_premium_usd }} a month, paid "
        "{% if payment == 'yearly' %}for 12 months in advance"
        "{% else %}monthly{% if autopay %} by autopay{% endif %}{% endif %}\n"
        "- Current term: {{ term_begins_on }} to {{ term_ends_on }}\n"
        "- Rated for {{ miles_a_year }} miles a year, kept at {{ garaging_address }}\n"
        "{% for cover in covers -%}\n"
        "- {{ cover.name }}: {{ cover.terms }}\n"
        "{% endfor %}\n\n"
        "{% if status == 'active' %}If it were cancelled today, ${{ refund_if_cancelled_today_usd }} "
        "of the premium"
        " would go back to you. {% endif %}Would you like to know more about one of the covers, or "
        "see the invoices?"
    ),
    "zh": (
        "保单 **{{ policy_number }}** 承保您的 {{ vehicle }}"
        "（{% if status == 'active' %}有效{% elif status == 'ending' %}已取消，保障至 {{ covered_until }}"
        "{% else %}已取消，已于 {{ covered_until }} 终止{% endif %}）。\n\n"
        "- 保费：每月 ${{ monthly_premium_usd }}，"
        "{% if payment == 'yearly' %}预付 12 个月{% else %}按月缴纳{% if autopay %}（自动付款）{% "
        "endif %}{% endif %}\n"
        "- 本期：{{ term_begins_on }} 至 {{ term_ends_on }}\n"
        "- 按每年 {{ miles_a_year }} 英里计费，停放地址：{{ garaging_address }}\n"
        "{% for cover in covers -%}\n"
        "- {{ cover.name }}：{{ cover.terms }}\n"
        "{% endfor %}\n\n"
        "{% if status == 'active' %}如果今天取消，将退还保费 ${{ refund_if_cancelled_today_usd }}。"
        "{% endif %}"
        "您想进一步了解某项保障，还是查看账单？"
    ),
}

INVOICES = {
    "en": (
        "{% if invoices %}These are your latest invoices:\n\n"
        "{% for invoice in invoices -%}\n"
        "- **{{ invoice.invoice_number }}** ({{ invoice.policy_number }}), due {{ invoice.due_on }}:"
        " ${{ invoice.amount_usd }}, "
        "{% if invoice.status == 'paid' %}paid{% if invoice.refunded_usd != '0.00' %},"
        " ${{ invoice.refunded_usd }} refunded{% endif %}"
        "{% elif invoice.status == 'overpaid' %}paid ${{ invoice.paid_usd }}, so"
        " **${{ invoice.overpaid_usd }} too much**"
        "{% elif invoice.status == 'overdue' %}**overdue**, ${{ invoice.open_usd }} to pay"
        "{% if invoice.late_fee_usd != '0.00' %} with the late fee of ${{ invoice.late_fee_usd }}{% "
        "endif %}"
        "{% else %}open, ${{ invoice.open_usd }} to pay{% endif %}.\n"
        "{% endfor %}\n\n"
        "{% if open_total_usd != '0.00' %}In total, ${{ open_total_usd }} is to be paid. {% endif %}"
        "{% if overpaid_total_usd != '0.00' %}I can refund what was overpaid: just tell me the invoice."
        "{% elif open_total_usd != '0.00' %}You can pay in your online account. Is there anything on "
        "an invoice that I"
        " should explain?{% else %}Everything is paid. Is there anything on an invoice that I should "
        "explain?"
        "{% endif %}"
        "{% else %}There are no invoices for this yet. Shall I look at your policies instead?{% endif %}"
    ),
    "zh": (
        "{% if invoices %}您最近的账单如下：\n\n"
        "{% for invoice in invoices -%}\n"
        "- **{{ invoice.invoice_number }}**（{{ invoice.policy_number }}），{{ invoice.due_on }} 到期："
        "${{ invoice.amount_usd }}，"
        "{% if invoice.status == 'paid' %}已付清{% if invoice.refunded_usd != '0.00' %}，"
        "已退款 ${{ invoice.refunded_usd }}{% endif %}"
        "{% elif invoice.status == 'overpaid' %}已付 ${{ invoice.paid_usd }}，**多付 ${{ "
        "invoice.overpaid_usd }}**"
        "{% elif invoice.status == 'overdue' %}**已逾期**，应付 ${{ invoice.open_usd }}"
        "{% if invoice.late_fee_usd != '0.00' %}（含滞纳金 ${{ invoice.late_fee_usd }}）{% endif %}"
        "{% else %}待付 ${{ invoice.open_usd }}{% endif %}。\n"
        "{% endfor %}\n\n"
        "{% if open_total_usd != '0.00' %}合计应付 ${{ open_total_usd }}。{% endif %}"
        "{% if overpaid_total_usd != '0.00' %}多付的金额可以退还：请告诉我是哪一张账单。"
        "{% elif open_total_usd != '0.00' %}您可以在网上账户中付款。账单上有需要我解释的地方吗？"
        "{% else %}所有账单均已付清。账单上有需要我解释的地方吗？{% endif %}"
        "{% else %}目前还没有相关账单。需要我查看您的保单吗？{% endif %}"
    ),
}

_STATUS_ZH = (
    "{'received': '已收到', 'under review': '审核中', 'approved': '已批准', 'paid': '已付款', 'declined': '已拒赔'}"
)
_KIND_ZH = (
    "{'collision': '碰撞', 'theft': '盗窃', 'weather': '天气', 'vandalism': '恶意破坏', 'glass': '玻璃',"
    " 'fire': '火灾', 'animal': '动物', 'other': '其他'}"
)

CLAIMS = {
    "en": (
        "{% if claims %}{% for claim in claims -%}\n"
        "- **{{ claim.claim_number }}** ({{ claim.vehicle }}, {{ claim.kind }} on {{ claim.happened_on }}):"
        " **{{ claim.status }}**{% if claim.paid_usd %}, ${{ claim.paid_usd }} paid{% endif %}."
        " {{ claim.next_step }}\n"
        "{% endfor %}\n\n"
        "Is there anything about {% if claims|length == 1 %}it{% else %}them{% endif %} that I "
        "should explain?"
        "{% else %}I can't find any claim of yours. If something has happened, I can report it with "
        "you now."
        "{% endif %}"
    ),
    "zh": (
        "{% if claims %}{% for claim in claims -%}\n"
        "- **{{ claim.claim_number }}**（{{ claim.vehicle }}，{{ claim.happened_on }}，{{ "
        + _KIND_ZH
        + "[claim.kind] }}）："
        "**{{ " + _STATUS_ZH + "[claim.status] }}**{% if claim.paid_usd %}，已赔付 ${{ claim.paid_usd }}{% endif %}。"
        "{{ claim.next_step }}\n"
        "{% endfor %}\n\n"
        "还有需要我解释的地方吗？"
        "{% else %}没有找到您的理赔记录。如果发生了事故，我现在就可以协助您报案。{% endif %}"
    ),
}

CLAIM_OPENED = {
    "en": (
        "Thank you, your report is in: claim **{{ claim_number }}** for the {{ vehicle }} ({{ kind }} on"
        " {{ happened_on }}). An adjuster will call you within 1 business day."
        "{% if reported_late %} Because the report comes more than 30 days after the incident, a "
        "person will look at"
        " it first.{% endif %}\n\n"
        "Please keep photos, receipts and any police report, and wait with permanent repairs. "
        "Reporting is not yet a"
        " decision about payment. Shall I explain what happens next?"
    ),
    "zh": (
        "谢谢，您的报案已收到：理赔编号 **{{ claim_number }}**，{{ vehicle }}，{{ happened_on }}，"
        "{{ " + _KIND_ZH + "[kind] }}。理赔员会在 1 个工作日内致电给您。"
        "{% if reported_late %}由于报案时间距事发超过 30 天，将先由人工审阅。{% endif %}\n\n"
        "请保留照片、收据和警方报告（如有），并暂缓永久性维修。报案并不等于已决定赔付。"
        "需要我说明接下来的流程吗？"
    ),
}

ADDRESS_CHANGED = {
    "en": (
        "Your address is now **{{ address }}**.\n\n"
        "{% if policies %}It applies to {{ policies|join(', ') }}. {% endif %}The premium may change "
        "with the garaging"
        " address; the new premium comes in writing. New digital ID cards are in your online "
        "account. Is there"
        " anything else about your move?"
    ),
    "zh": (
        "您的地址已更改为 **{{ address }}**。\n\n"
        "{% if policies %}适用于保单 {{ policies|join('、') }}。{% endif %}"
        "保费可能随停放地址而变化，新的保费会以书面形式通知您。新的电子保险卡已在网上账户中。"
        "关于搬家，还有什么可以帮您？"
    ),
}

POLICY_CANCELLED = {
    "en": (
        "Policy **{{ policy_number }}** ({{ vehicle }}) is cancelled. The last day with cover is "
        "**{{ last_day }}**.\n\n"
        "{% if refund_usd != '0.00' %}You get **${{ refund_usd }}** back; it reaches your account "
        "within 10 business"
        " days.{% else %}No prepaid premium is left, so there is nothing to refund.{% endif %} Your "
        "state may ask for"
        " proof of other insurance while the vehicle is registered. Is there anything else I can do "
        "for you?"
    ),
    "zh": (
        "保单 **{{ policy_number }}**（{{ vehicle }}）已取消，保障的最后一天是 **{{ last_day }}**。\n\n"
        "{% if refund_usd != '0.00' %}将退还 **${{ refund_usd }}**，10 个工作日内到账。"
        "{% else %}没有剩余的预付保费，因此无需退款。{% endif %}"
        "车辆登记期间，州政府可能要求您提供其他保险的证明。还有什么可以帮您？"
    ),
}

PAYMENT_REFUNDED = {
    "en": (
        "Done: **${{ amount_usd }}** of invoice {{ invoice_number }} goes back to the card or "
        "account that was used"
        " (refund {{ refund_number }}). It reaches you within 10 business days."
        "{% if still_overpaid_usd != '0.00' %} ${{ still_overpaid_usd }} of this invoice is still "
        "overpaid.{% endif %}"
        "\n\nIs there another invoice that I should look at?"
    ),
    "zh": (
        "已办理：账单 {{ invoice_number }} 的 **${{ amount_usd }}** 将退回原付款的银行卡或账户"
        "（退款编号 {{ refund_number }}），10 个工作日内到账。"
        "{% if still_overpaid_usd != '0.00' %}该账单仍多付 ${{ still_overpaid_usd }}。{% endif %}"
        "\n\n还需要我查看其他账单吗？"
    ),
}
